"""The counting rule: which operators have products, how many, and of which types.

    operator_rule the rule of one operator
    products      the multiply-accumulates of each operator that has a dot product
    kernels       the same for quantised, sparse and packed weights
    backward      the same for operators that compute gradients
    registered    rules that users register for operators of their own
    free          operators that have none and cannot be told by their kind
    kinds         kinds of operators that have none
    parts         composite operators taken apart, branches and loops included
    nested        shapes and products of nested tensors
    origins       the types that factors were made from
    precision     the types of an operator's factors

A rule sees one call, its arguments and its result; nothing here knows of modules or of a pass.
"""
