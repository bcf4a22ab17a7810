"""Operators that have no dot product: a closed list.

An operator is here because someone looked at it: it moves, compares, reduces or transforms
elements, and no element of its result is a sum of products of two factors. An operator that is
neither here nor in ``opbench.counting.rules``, and that is not written in terms of such
operators, is named in ``Count.uncounted``.

Names are those of the ``aten`` namespace without overload and without the underscore of the
in-place form; operators of other namespaces are written ``namespace::name``. Composite operators
(``batch_norm``, ``softmax``) are listed where every part of them is free: they are then not taken
apart, which is faster, and their scratch memory is not seen.
"""

from __future__ import annotations

# One element of the result for each element (or pair, broadcast) of the arguments; ``addr`` too,
# since an outer product has no sum.
_ELEMENTWISE = """
__and__ __iand__ __ilshift__ __ior__ __irshift__ __ixor__ __lshift__ __or__ __rshift__ __xor__
_add_relu _conj _conj_physical _foreach_abs _foreach_add _foreach_addcdiv _foreach_addcmul
_foreach_clamp_max _foreach_clamp_min _foreach_clone _foreach_copy _foreach_div _foreach_exp
_foreach_lerp _foreach_log _foreach_maximum _foreach_minimum _foreach_mul _foreach_neg
_foreach_pow _foreach_reciprocal _foreach_round _foreach_rsqrt _foreach_sigmoid _foreach_sqrt
_foreach_sub _foreach_tanh _foreach_zero _fused_moving_avg_obs_fq_helper _prelu_kernel
_thnn_fused_gru_cell _thnn_fused_lstm_cell _transform_bias_rescale_qkv abs absolute acos acosh add
addcdiv addcmul addr angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh atan
atan2 atanh binary_cross_entropy binary_cross_entropy_with_logits bitwise_and bitwise_left_shift
bitwise_not bitwise_or bitwise_right_shift bitwise_xor ceil celu chalf clamp clamp_max clamp_min
clip clone complex conj conj_physical copysign cos cosh cross deg2rad dequantize digamma div
divide elu eq erf erfc erfinv exp exp2 expm1 fake_quantize_per_channel_affine
fake_quantize_per_channel_affine_cachemask fake_quantize_per_tensor_affine
fake_quantize_per_tensor_affine_cachemask fix float_power floor floor_divide fmax fmin fmod frac
frexp fused_moving_avg_obs_fake_quant gcd ge gelu glu greater greater_equal gt hardshrink
hardsigmoid hardswish hardtanh heaviside huber_loss hypot i0 igamma igammac imag int_repr isclose
isfinite isinf isnan isneginf isposinf isreal kl_div l1_loss lcm ldexp le leaky_relu lerp less
less_equal lgamma linalg_cross log log10 log1p log2 log_sigmoid log_sigmoid_forward logaddexp
logaddexp2 logical_and logical_not logical_or logical_xor logit lt masked_fill maximum minimum
mish mse_loss mul multiply mvlgamma nan_to_num ne neg negative nextafter not_equal polar polygamma
positive pow prelu quantize_per_channel quantize_per_tensor quantize_per_tensor_dynamic
quantized::add quantized::add_relu quantized::add_scalar quantized::celu quantized::elu
quantized::hardswish quantized::leaky_relu quantized::mul quantized::mul_relu
quantized::mul_scalar quantized::prelu quantized::relu6 quantized::sigmoid quantized::threshold
rad2deg real reciprocal relu relu6 remainder round rrelu rrelu_with_noise rsqrt rsub selu sgn
sigmoid sign signbit silu sin sinc sinh smooth_l1_loss soft_margin_loss softplus softshrink
special_airy_ai special_bessel_j0 special_bessel_j1 special_bessel_y0 special_bessel_y1
special_digamma special_entr special_erf special_erfc special_erfcx special_erfinv special_exp2
special_expit special_expm1 special_gammainc special_gammaincc special_gammaln special_i0
special_i0e special_i1 special_i1e special_log1p special_log_ndtr special_logit
special_multigammaln special_ndtr special_ndtri special_polygamma special_psi special_round
special_sinc special_spherical_bessel_j0 special_xlog1py special_xlogy special_zeta sqrt square
sub subtract tan tanh threshold true_divide trunc view_as_complex view_as_real where xlogy
"""

# Sums, extremes, order, counts, distances: no factors to multiply.
_REDUCTION = """
_aminmax _cdist_forward _cummax_helper _cummin_helper _euclidean_dist _foreach_max _foreach_norm
_is_all_true _is_any_true _log_softmax _logcumsumexp _masked_softmax _pdist_forward _safe_softmax
_softmax _sparse_log_softmax _sparse_softmax _sparse_sum _unique _unique2 addr all allclose amax
amin aminmax any argmax argmin argsort bincount bucketize cdist cosine_similarity count_nonzero
cross_entropy_loss cummax cummin cumprod cumsum diff dist equal hash_tensor histc histogram isin
kthvalue linalg__powsum linalg_vector_norm log_softmax logcumsumexp logsumexp max mean median min
mode msort multi_margin_loss multilabel_margin_loss_forward nanmean nanmedian nanquantile nansum
nll_loss nll_loss2d nll_loss2d_forward nll_loss_forward nll_loss_nd nonzero nonzero_numpy
nonzero_static norm pairwise_distance pdist prod quantile renorm searchsorted segment_reduce
softmax sort special_log_softmax special_logsumexp special_softmax std std_mean sum sum_to_size
topk trace unique_consecutive unique_dim unique_dim_consecutive var var_mean
"""

# Normalisation: statistics, then one scale and shift for each element.
_NORMALISATION = """
_batch_norm_impl_index _batch_norm_no_update _batch_norm_with_update _fused_rms_norm
_native_batch_norm_legit _native_batch_norm_legit_functional _native_batch_norm_legit_no_training
_weight_norm _weight_norm_interface batch_norm batch_norm_elemt cudnn_batch_norm group_norm
instance_norm layer_norm native_batch_norm native_group_norm native_layer_norm norm_except_dim
quantized::batch_norm quantized::batch_norm2d quantized::batch_norm2d_relu quantized::batch_norm3d
quantized::batch_norm_relu quantized::group_norm quantized::instance_norm quantized::layer_norm
quantized_batch_norm rms_norm
"""

# Pooling, interpolation, sampling: sums with constant or computed weights, never learned factors.
_POOLING = """
_adaptive_avg_pool2d _adaptive_avg_pool3d _upsample_bicubic2d_aa _upsample_bilinear2d_aa
_upsample_lanczos2d_aa _upsample_nearest_exact1d _upsample_nearest_exact2d
_upsample_nearest_exact3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d avg_pool1d avg_pool2d avg_pool3d
cudnn_grid_sampler fractional_max_pool2d fractional_max_pool3d grid_sampler grid_sampler_2d
grid_sampler_3d max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d
max_pool3d_with_indices max_unpool2d max_unpool3d mkldnn_adaptive_avg_pool2d mkldnn_max_pool2d
mkldnn_max_pool3d quantized_max_pool1d quantized_max_pool2d quantized_max_pool3d torchvision::nms
torchvision::ps_roi_align torchvision::ps_roi_pool torchvision::roi_align torchvision::roi_pool
upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
upsample_nearest3d upsample_trilinear3d
"""

# Tables: a row is fetched, not multiplied (a weighted ``embedding_bag`` has a rule).
_LOOKUP = """
_index_put_impl _unsafe_index _unsafe_index_put _unsafe_masked_index
_unsafe_masked_index_put_accumulate as_strided_scatter diagonal_scatter embedding embedding_renorm
gather index index_add index_copy index_fill index_put index_reduce index_select masked_scatter
masked_select one_hot put scatter scatter_add scatter_reduce select_scatter slice_scatter take
take_along_dim
"""

# Layout: the same elements seen or stored in another way, or new elements made from nothing.
_LAYOUT = """
_assert_async _assert_scalar _assert_tensor_metadata _cast_Byte _cast_Char _cast_Double
_cast_Float _cast_Half _cast_Int _cast_Long _cast_Short _chunk_cat _coalesce _coalesced _conj_copy
_copy_from _functional_assert_async _functional_assert_scalar _fused_sdp_choice
_has_same_storage_numel _indices _indices_copy _is_zerotensor _jagged_to_padded_dense_forward
_lazy_clone _linalg_check_errors _local_scalar_dense _make_dep_token _mkldnn_reshape
_mkldnn_transpose _neg_view _neg_view_copy _nested_from_padded _nested_from_padded_tensor
_nested_get_jagged_dummy _nested_get_lengths _nested_get_max_seqlen _nested_get_min_seqlen
_nested_get_offsets _nested_get_ragged_idx _nested_get_values _nested_tensor_from_mask
_nested_tensor_from_mask_left_aligned _nested_tensor_from_tensor_list _nested_tensor_size
_nested_tensor_storage_offsets _nested_tensor_strides _nested_view_from_buffer
_nested_view_from_jagged _nnz _pack_padded_sequence _pad_circular _pad_enum _pad_packed_sequence
_padded_dense_to_jagged_forward _pin_memory _reshape_alias _reshape_alias_copy _reshape_copy
_shape_as_tensor _sparse_coo_tensor_unsafe _sparse_coo_tensor_with_dims_and_tensors
_sparse_csr_tensor_unsafe _stack _to_copy _to_dense _to_sparse _to_sparse_csr _unsafe_view
_use_cudnn_ctc_loss _validate_compressed_sparse_indices _validate_sparse_coo_tensor_args
_validate_sparse_csr_tensor_args _values _values_copy _version adjoint alias alias_copy
argwhere as_strided as_strided_copy atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors
broadcast_to cartesian_prod cat channel_shuffle chunk coalesce col2im col_indices column_stack
combinations concat concatenate constant_pad_nd contiguous copy crow_indices cudnn_is_acceptable
data dense_dim detach detach_copy diag diag_embed diagflat diagonal diagonal_copy dim dsplit
dstack expand expand_as expand_copy fft_fftshift fft_ifftshift fill fill_diagonal flatten flip
fliplr flipud get_device hsplit hstack im2col indices indices_copy is_coalesced is_complex is_conj
is_contiguous is_floating_point is_inference is_leaf is_neg is_nonzero is_pinned is_same_size
is_signed item lift lift_fresh lift_fresh_copy linalg_diagonal mH mT matrix_H meshgrid moveaxis
movedim narrow narrow_copy native_channel_shuffle nested_to_padded_tensor numel numpy_T output_nr
pad pad_sequence permute permute_copy pin_memory pixel_shuffle pixel_unshuffle q_per_channel_axis
q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qscheme quantized::cat
quantized::cat_relu ravel record_stream reflection_pad1d reflection_pad2d
reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d
replication_pad3d requires_grad reshape reshape_as resize resize_as resolve_conj resolve_neg
result_type retains_grad roll rot90 row_stack select select_copy set set_data size slice
slice_copy sparse_coo_tensor sparse_csr_tensor sparse_dim sparse_mask split split_copy
split_with_sizes split_with_sizes_copy squeeze squeeze_copy stack storage_offset stride swapaxes
swapdims sym_constrain_range sym_constrain_range_for_size sym_numel sym_size sym_storage_offset
sym_stride t t_copy tensor_split tile to to_dense to_mkldnn to_padded_tensor to_sparse
to_sparse_bsc to_sparse_bsr to_sparse_csc to_sparse_csr transpose transpose_copy tril tril_indices
triu triu_indices type_as unbind unbind_copy unflatten unfold unfold_copy unsafe_chunk
unsafe_split unsafe_split_with_sizes unsqueeze unsqueeze_copy values values_copy view view_as
view_as_complex_copy view_as_real_copy view_copy vsplit vstack zero
"""

_CREATION = """
_efficientzerotensor _empty_affine_quantized _empty_per_channel_affine_quantized arange
bartlett_window blackman_window empty empty_like empty_permuted empty_quantized empty_strided eye
fft_fftfreq fft_rfftfreq from_file full full_like hamming_window hann_window kaiser_window
linspace logspace new_empty new_empty_strided new_full new_ones new_zeros ones ones_like range
scalar_tensor vander zeros zeros_like
"""

_RANDOM = """
_fused_dropout _philox_normal _philox_uniform _sample_dirichlet _standard_gamma alpha_dropout
bernoulli binomial cauchy dropout exponential feature_alpha_dropout feature_dropout geometric
log_normal multinomial native_dropout normal normal_functional poisson rand rand_like randint
randint_like randn randn_like random randperm uniform
"""

# Those of the elementwise that are activation functions: which of them ran, a count notes.
_ACTIVATION = """
celu elu gelu glu hardshrink hardsigmoid hardswish hardtanh leaky_relu log_sigmoid
log_sigmoid_forward mish prelu relu relu6 rrelu selu sigmoid silu softplus softshrink tanh threshold
"""
ACTIVATIONS: frozenset[str] = frozenset(_ACTIVATION.split())

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
