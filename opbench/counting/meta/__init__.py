"""Let a network take the same way on the meta device, which has no values, as with values.

    disguise      tensors of the meta device that say they are on the CPU
    tensor_types  ``torch.FloatTensor`` and the like, asked about such tensors
    replaced      an attribute of a class or a module, replaced for a while
    absent        devices that are named and not here
    values        values that shapes and branches depend on, kept on the CPU
    shapes        results of operators whose result has a plain shape
    recurrent     the same for recurrent layers
    build         building a network without weights
    fallback      the reason for real tensors, where the meta device will not do

Whatever torch cannot do without values, and what is done about it, stands here; what is counted
does not.
"""
