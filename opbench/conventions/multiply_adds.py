"""opbench's own count, and two that follow from it.

mac           the rule of ``opbench.counting``
flop          two operations for each multiply-accumulate
connections   multiply-accumulates, and one for each output element that receives a bias: how
              the papers of the nineties describe a network (LeNet-5: 340,908)
"""

from __future__ import annotations

from collections.abc import Iterator

from opbench.conventions.convention import BIAS, Item, Rule
from opbench.conventions.trace import OperatorCall, Trace, kind_of
from opbench.counting.rules.free import FREE
from opbench.counting.rules.operator_rule import NoRuleError


def counted(call: OperatorCall) -> Iterator[OperatorCall]:
    """The call itself where opbench has a rule for it, else those of its parts that have one."""
    if call.rule:
        yield call
    elif call.name not in FREE:
        for part in call.parts:
            yield from counted(part)


def macs_of(call: OperatorCall) -> int:
    """Multiply-accumulates of a call that opbench has a rule for; 0 where the rule declines."""
    try:
        return call.rule.macs(call.args, call.out) if call.rule else 0
    except NoRuleError:
        return 0


def bias_additions(call: OperatorCall) -> int:
    """Elements of the result that receive a bias."""
    rule = call.rule
    if rule is None or rule.bias is None or call.arg(rule.bias) is None:
        return 0
    return int(call.out.numel())


def _macs(trace: Trace) -> Iterator[Item]:
    for call in trace:
        for each in counted(call):
            yield kind_of(each), macs_of(each)


def _flops(trace: Trace) -> Iterator[Item]:
    for kind, macs in _macs(trace):
        yield kind, 2 * macs


def _connections(trace: Trace) -> Iterator[Item]:
    for call in trace:
        for each in counted(call):
            yield kind_of(each), macs_of(each)
            yield BIAS, bias_additions(each)


MAC = Rule(
    name="mac",
    unit="MACs",
    about="opbench's own: one for each multiply-add of a dot product, nothing else.",
    count=_macs,
)
FLOP = Rule(
    name="flop",
    unit="FLOPs",
    about="Two for each multiply-add of a dot product, nothing else.",
    count=_flops,
)
CONNECTIONS = Rule(
    name="connections",
    unit="connections",
    about="One for each multiply-add and one for each element that receives a bias.",
    count=_connections,
)
