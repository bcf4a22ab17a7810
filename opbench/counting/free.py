"""Operators that have no dot product: a closed list.

An operator is here because someone looked at it: it moves, compares, reduces or transforms
elements, and no element of its result is a sum of products of two factors.  An operator that is
neither here nor in ``opbench.counting.rules``, and that is not written in terms of such
operators, is named in ``Count.uncounted``.

Names are those of the ``aten`` namespace without overload and without the underscore of the
in-place form; operators of other namespaces are written ``namespace::name``.  Composite operators
(``batch_norm``, ``softmax``) are listed where every part of them is free: they are then not taken
apart, which is faster, and their scratch memory is not seen.
"""

from __future__ import annotations

# One element of the result for each element (or pair, broadcast) of the arguments.
_ELEMENTWISE = """
abs absolute acos acosh add addcdiv addcmul angle arccos arccosh arcsin arcsinh arctan arctan2
arctanh asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_not bitwise_or
bitwise_right_shift bitwise_xor ceil celu clamp clamp_max clamp_min clip clone complex conj
conj_physical _conj _conj_physical copysign cos cosh deg2rad digamma div divide elu eq erf erfc
erfinv exp exp2 expm1 fix float_power floor floor_divide fmax fmin fmod frac frexp gcd ge gelu
glu greater greater_equal gt hardshrink hardsigmoid hardswish hardtanh heaviside hypot i0 igamma
igammac imag isclose isfinite isinf isnan isneginf isposinf isreal lcm ldexp le leaky_relu lerp
less less_equal lgamma log log10 log1p log2 log_sigmoid log_sigmoid_forward logaddexp logaddexp2
logical_and logical_not logical_or logical_xor logit lt masked_fill maximum minimum mish mul
multiply mvlgamma nan_to_num ne neg negative nextafter not_equal polar polygamma positive pow
prelu _prelu_kernel rad2deg real reciprocal relu relu6 remainder round rrelu rrelu_with_noise
rsqrt rsub selu sgn sigmoid sign signbit silu sin sinc sinh softplus softshrink special_entr
special_erf special_erfc special_erfinv special_exp2 special_expit special_expm1 special_i0
special_log1p special_logit special_ndtr special_round special_sinc special_xlogy sqrt square sub
subtract tan tanh threshold true_divide trunc view_as_complex view_as_real where xlogy
__and__ __iand__ __ior__ __ixor__ __lshift__ __or__ __rshift__ __xor__
_add_relu _foreach_abs _foreach_add _foreach_div _foreach_mul _foreach_neg _foreach_sub
_foreach_sqrt _foreach_copy dequantize int_repr quantize_per_channel quantize_per_tensor
quantize_per_tensor_dynamic fake_quantize_per_channel_affine fake_quantize_per_tensor_affine
fake_quantize_per_channel_affine_cachemask fake_quantize_per_tensor_affine_cachemask
fused_moving_avg_obs_fake_quant _fused_moving_avg_obs_fq_helper
_thnn_fused_lstm_cell _thnn_fused_gru_cell _transform_bias_rescale_qkv
quantized::add quantized::add_relu quantized::mul quantized::cat quantized::leaky_relu
quantized::hardswish
"""

# Sums, extremes, order, counts: one argument, no factors.  An outer product has no sum.
_REDUCTION = """
_aminmax _cummax_helper _cummin_helper _is_all_true _is_any_true _logcumsumexp _safe_softmax
_log_softmax _masked_softmax _softmax _unique _unique2 addr all allclose amax amin aminmax any
argmax argmin argsort bincount bucketize count_nonzero cummax cummin cumprod cumsum diff
equal histc isin kthvalue linalg__powsum linalg_vector_norm log_softmax logcumsumexp logsumexp max
mean median min mode msort nanmean nanmedian nanquantile nansum nonzero nonzero_numpy
nonzero_static norm prod quantile searchsorted softmax softmin sort special_log_softmax
special_logsumexp special_softmax std std_mean sum sum_to_size topk trace unique_consecutive
unique_dim unique_dim_consecutive var var_mean cosine_similarity pairwise_distance dist
_cdist_forward _pdist_forward pdist renorm segment_reduce
"""

# Normalisation: statistics, then one scale and shift for each element.
_NORMALISATION = """
_batch_norm_impl_index _batch_norm_no_update _batch_norm_with_update _fused_rms_norm
_native_batch_norm_legit _native_batch_norm_legit_functional
_native_batch_norm_legit_no_training _weight_norm _weight_norm_interface batch_norm
batch_norm_elemt cudnn_batch_norm group_norm instance_norm layer_norm native_batch_norm
native_group_norm native_layer_norm norm_except_dim rms_norm quantized::batch_norm2d
quantized::layer_norm
"""

# Pooling, interpolation, sampling: sums with constant or computed weights, never learned factors.
_POOLING = """
_adaptive_avg_pool2d _adaptive_avg_pool3d _upsample_bicubic2d_aa _upsample_bilinear2d_aa
_upsample_lanczos2d_aa _upsample_nearest_exact1d _upsample_nearest_exact2d
_upsample_nearest_exact3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d affine_grid_generator avg_pool1d
avg_pool2d avg_pool3d fractional_max_pool2d fractional_max_pool3d grid_sampler grid_sampler_2d
grid_sampler_3d max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d
max_pool3d_with_indices max_unpool2d max_unpool3d mkldnn_adaptive_avg_pool2d mkldnn_max_pool2d
mkldnn_max_pool3d quantized_max_pool1d quantized_max_pool2d quantized_max_pool3d
upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
upsample_nearest3d upsample_trilinear3d torchvision::nms torchvision::roi_align
torchvision::roi_pool torchvision::ps_roi_align torchvision::ps_roi_pool
"""

# Tables: a row is fetched, not multiplied.
_LOOKUP = """
_embedding_bag _embedding_bag_forward_only embedding embedding_bag embedding_renorm gather index
index_add index_copy index_fill index_put index_reduce index_select masked_scatter masked_select
one_hot put scatter scatter_add scatter_reduce take take_along_dim _index_put_impl _unsafe_index
_unsafe_index_put _unsafe_masked_index _unsafe_masked_index_put_accumulate select_scatter
slice_scatter diagonal_scatter as_strided_scatter
"""

# Layout: the same elements seen or stored in another way, or new elements made from nothing.
_LAYOUT = """
_cast_Byte _cast_Char _cast_Double _cast_Float _cast_Half _cast_Int _cast_Long _cast_Short
_chunk_cat _conj_copy _copy_from _has_same_storage_numel _lazy_clone _mkldnn_reshape
_mkldnn_transpose _neg_view _pack_padded_sequence _pad_circular _pad_enum _pad_packed_sequence
_pin_memory _reshape_alias _reshape_alias_copy _reshape_copy _shape_as_tensor _stack _to_copy
_to_dense _to_sparse _to_sparse_csr _unsafe_view _values _indices _coalesced _nnz adjoint alias
alias_copy argwhere as_strided as_strided_copy atleast_1d atleast_2d atleast_3d block_diag
broadcast_tensors broadcast_to cartesian_prod cat channel_shuffle native_channel_shuffle chunk
coalesce col2im column_stack combinations concat concatenate constant_pad_nd contiguous copy
crow_indices col_indices data detach detach_copy diag diag_embed diagflat diagonal diagonal_copy
dim dsplit dstack expand expand_as expand_copy fft_fftshift fft_ifftshift fill fill_diagonal
flatten flip fliplr flipud hsplit hstack im2col indices is_coalesced is_same_size
item lift lift_fresh lift_fresh_copy mH mT matrix_H meshgrid moveaxis movedim narrow narrow_copy
numel numpy_T pad pad_sequence permute permute_copy pin_memory pixel_shuffle pixel_unshuffle ravel
reflection_pad1d reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d
replication_pad2d replication_pad3d requires_grad reshape reshape_as resize resize_as resolve_conj
resolve_neg roll rot90 row_stack select select_copy set set_data slice slice_copy split
split_copy split_with_sizes split_with_sizes_copy squeeze squeeze_copy stack sparse_coo_tensor
_sparse_coo_tensor_unsafe _sparse_coo_tensor_with_dims_and_tensors sparse_csr_tensor
_sparse_csr_tensor_unsafe swapaxes swapdims t t_copy tensor_split tile to to_dense to_mkldnn
to_sparse to_sparse_csr transpose transpose_copy tril tril_indices triu triu_indices type_as
unbind unbind_copy unflatten unfold unfold_copy unsafe_chunk unsafe_split unsafe_split_with_sizes
unsqueeze unsqueeze_copy values view view_as view_copy vsplit vstack zero _local_scalar_dense
is_nonzero size stride storage_offset sym_size sym_stride sym_numel sym_storage_offset is_pinned
sparse_dim dense_dim result_type _nested_tensor_from_mask _nested_tensor_from_mask_left_aligned
_nested_tensor_size _nested_from_padded nested_to_padded_tensor to_padded_tensor record_stream
_assert_async _functional_assert_async _assert_tensor_metadata _assert_scalar
_functional_assert_scalar sym_constrain_range sym_constrain_range_for_size _fused_sdp_choice
_use_cudnn_ctc_loss cudnn_is_acceptable
"""

_CREATION = """
_efficientzerotensor arange bartlett_window blackman_window empty empty_like empty_permuted
empty_strided eye fft_fftfreq fft_rfftfreq from_file full full_like hamming_window hann_window
kaiser_window linspace logspace new_empty new_empty_strided new_full new_ones new_zeros ones
ones_like range scalar_tensor vander zeros zeros_like
"""

_RANDOM = """
_fused_dropout alpha_dropout bernoulli binomial cauchy dropout exponential feature_alpha_dropout
feature_dropout geometric log_normal multinomial native_dropout normal normal_functional poisson
rand rand_like randint randint_like randn randn_like random randperm uniform
"""

FREE: frozenset[str] = frozenset(
    " ".join(
        (
            _ELEMENTWISE,
            _REDUCTION,
            _NORMALISATION,
            _POOLING,
            _LOOKUP,
            _LAYOUT,
            _CREATION,
            _RANDOM,
        )
    ).split()
)
