"""The multiply-accumulates of attention operators: scores and weighted sum, in full.

Masks, windows and causal flags change nothing, as in ``opbench.counting.rules.products``.  Queries
are (batch, heads, length, width) or packed as (batch, length, heads x width); keys of the past
count.
"""

from __future__ import annotations

import math

from opbench.counting.graph.calls import Call


def attention(call: Call) -> int:
    """``Attention`` of ONNX: query, key, value, mask, past key."""
    query, key, value = (call.shape(each) for each in range(3))
    past = call.shape(4)[2] if call.has(4) else 0
    if len(query) == 4:
        rows, width = math.prod(query[:3]), query[3]
        return rows * (key[2] + past) * (width + value[3])
    queries, keys = call.number("q_num_heads"), call.number("kv_num_heads")
    wide = query[2] // queries + value[2] // keys
    return query[0] * queries * query[1] * (key[1] + past) * wide


def flexible_attention(call: Call) -> int:
    """``FlexAttention``: query, key and value of four axes."""
    return math.prod(call.shape(0)[:3]) * call.shape(1)[2] * (call.shape(0)[3] + call.shape(2)[3])


def linear_attention(call: Call) -> int:
    """``LinearAttention``: each step reads the state once, and twice to correct it.

    What a step writes is an outer product, which has no sum.
    """
    batch, steps, width = call.shape(0)
    queries, keys = call.number("q_num_heads"), call.number("kv_num_heads")
    cells = width // queries * (call.shape(2)[2] // keys)
    corrected = keys if "delta" in call.attribute("update_rule", "gated_delta") else 0
    return batch * steps * (queries + corrected) * cells


def projected_attention(call: Call, past_at: int = 4) -> int:
    """``Attention`` of ONNX Runtime: the projection to query, key and value, then attention."""
    batch, length, inner = call.shape(0)
    columns = call.shape(1)[-1]
    total = length + (call.shape(past_at)[3] if call.has(past_at) else 0)
    sizes: list[int] = call.attribute("qkv_hidden_sizes") or [columns // 3] * 3
    return batch * length * (inner * columns + total * (sizes[0] + sizes[2]))


def quantised_attention(call: Call) -> int:
    """``QAttention``: the same with scales and zero points before the past."""
    return projected_attention(call, past_at=8)


def multi_head_attention(call: Call) -> int:
    """``MultiHeadAttention``: query, key and value, two or all of them packed in one."""
    query = call.shape(0)
    past = call.shape(6)[2] if call.has(6) else 0
    if len(query) == 5:  # (batch, length, heads, 3, width)
        batch, length, heads, _, width = query
        return batch * heads * length * (length + past) * 2 * width
    batch, length, hidden = query
    key = call.shape(1)
    if len(key) == 5:  # (batch, length, heads, 2, width)
        return batch * length * (key[1] + past) * (hidden + key[2] * key[4])
    if len(key) == 4:  # (batch, heads, length, width): keys of another sequence
        value = call.shape(2)
        return batch * length * (key[2] + past) * (hidden + value[1] * value[3])
    return batch * length * (key[1] + past) * (hidden + call.shape(2)[2])


def grouped_query_attention(call: Call) -> int:
    """``GroupQueryAttention``: query, key, value, past; the total length where it is known."""
    batch, length, hidden = call.shape(0)
    if not call.has(1):  # packed: heads of the query, then those of key and value
        queries, keys = call.number("num_heads"), call.number("kv_num_heads")
        hidden = hidden // (queries + 2 * keys) * queries
    total = call.values(6)
    past = call.shape(3)[2] if call.has(3) else 0
    return batch * length * (total[0] if total else past + length) * 2 * hidden
