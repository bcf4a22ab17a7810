"""Operators without a dot product that cannot be told by their kind.

Most are recognised by what torch says of them (``opbench.counting.rules.kinds``); these were looked
at: they move, compare, reduce or transform elements, and no element of the result is a sum of
products of two factors.  Composite operators (``batch_norm``, ``softmax``) are listed where every
part of them is free: they are then not taken apart, which is faster, and their scratch memory is
not seen.

Names are those of the ``aten`` namespace without overload and without the underscore of the
in-place form; operators of other namespaces are written ``namespace::name``.
"""

from __future__ import annotations

# One element of the result for each element (or pair, broadcast) of the arguments; ``addr`` too,
# since an outer product has no sum.
_ELEMENTWISE = """
__and__ __iand__ __ior__ __irshift__ __or__ _add_relu _amp_foreach_non_finite_check_and_unscale
_amp_update_scale _dirichlet_grad _foreach_copy _fused_adagrad _fused_adam _fused_adamw
_fused_moving_avg_obs_fq_helper _fused_moving_avg_obs_fq_helper_functional _fused_sgd
_make_per_channel_quantized_tensor _make_per_tensor_quantized_tensor _masked_scale _prelu_kernel
_standard_gamma_grad _thnn_fused_gru_cell _thnn_fused_gru_cell_backward _thnn_fused_lstm_cell
_thnn_fused_lstm_cell_backward_impl _transform_bias_rescale_qkv absolute addr arccos arccosh
arcsin arcsinh arctan arctan2 arctanh binary_cross_entropy binary_cross_entropy_with_logits chalf
complex cross divide fix floor_divide fused_moving_avg_obs_fake_quant glu greater greater_equal
hardswish huber_loss inline_asm_elementwise int_repr isclose isreal kl_div l1_loss less less_equal
linalg_cross log_sigmoid log_sigmoid_forward mse_loss multiply negative not_equal onednn::qadd
onednn::qadd_relu onednn::qmul polar prelu quantization::_Bfloat16QuantizedToFloat
quantization::_FloatToBfloat16Quantized quantized::add_scalar quantized::add_scalar_relu
quantized::mul_relu quantized::mul_scalar quantized::mul_scalar_relu smooth_l1_loss
soft_margin_loss special_digamma special_erf special_erfc special_erfinv special_exp2
special_expit special_expm1 special_gammainc special_gammaincc special_gammaln special_i0
special_log1p special_logit special_multigammaln special_ndtr special_polygamma special_psi
special_round special_sinc special_xlogy subtract
"""

# Sums, extremes, order, counts, distances: no factors to multiply.
_REDUCTION = """
_cdist_forward _ctc_loss _cummax_helper _cummin_helper _euclidean_dist _foreach_powsum
_histogramdd_bin_edges _histogramdd_from_bin_cts _histogramdd_from_bin_tensors _is_all_true
_is_any_true _masked_softmax _pdist_forward _safe_softmax
_unique _unique2 addr argsort bincount bucketize cdist cosine_similarity cross_entropy_loss
ctc_loss cummax cummin cumprod cumsum diff dist hash_tensor histc histogram isin kthvalue
log_softmax logcumsumexp median mode msort multi_margin_loss multilabel_margin_loss_forward
nanmean nanmedian nanquantile native_norm nll_loss nll_loss2d nll_loss2d_forward nll_loss_forward
nll_loss_nd nonzero nonzero_numpy nonzero_static pairwise_distance pdist quantile renorm
searchsorted segment_reduce softmax sort special_log_softmax special_logsumexp special_softmax
sum_to_size topk trace unique_consecutive unique_dim unique_dim_consecutive
"""

# Normalisation: statistics, then one scale and shift for each element.
_NORMALISATION = """
_batch_norm_impl_index _batch_norm_no_update _batch_norm_with_update _native_batch_norm_legit
_native_batch_norm_legit_no_training _weight_norm _weight_norm_interface batch_norm
batch_norm_elemt batch_norm_gather_stats batch_norm_gather_stats_with_counts batch_norm_stats
batch_norm_update_stats group_norm instance_norm layer_norm native_batch_norm native_group_norm
native_layer_norm norm_except_dim onednn::qbatch_norm2d quantized::batch_norm1d
quantized::batch_norm1d_relu quantized::batch_norm2d quantized::batch_norm2d_relu
quantized::batch_norm3d quantized::batch_norm3d_relu quantized::batch_norm_relu rms_norm
"""

# Pooling, interpolation, sampling: sums with constant or computed weights, never learned factors.
_POOLING = """
_grid_sampler_2d_cpu_fallback _upsample_bicubic2d_aa _upsample_bilinear2d_aa
_upsample_lanczos2d_aa _upsample_nearest_exact1d _upsample_nearest_exact2d
_upsample_nearest_exact3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d avg_pool1d avg_pool2d avg_pool3d
fractional_max_pool2d fractional_max_pool3d grid_sampler grid_sampler_2d grid_sampler_3d
max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d
max_pool3d_with_indices max_unpool2d max_unpool3d torchvision::nms torchvision::ps_roi_align
torchvision::ps_roi_pool torchvision::roi_align torchvision::roi_pool upsample_bicubic2d
upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d
upsample_trilinear3d
"""

# Tables: a row is fetched, not multiplied (a weighted ``embedding_bag`` has a rule).
_LOOKUP = """
_index_put_impl _sparse_mask_projection _unsafe_index _unsafe_index_put _unsafe_masked_index
_unsafe_masked_index_put_accumulate as_strided_scatter diagonal_scatter embedding
embedding_dense_backward embedding_renorm gather index index_add index_fill index_put index_reduce
index_select masked_scatter masked_select one_hot put quantized::embedding_4bit
quantized::embedding_byte scatter scatter_add scatter_reduce select_scatter take take_along_dim
"""

# Layout: the same elements seen or stored in another way, or new elements made from nothing.
_LAYOUT = """
_cast_Byte _cast_Char _cast_Double _cast_Float _cast_Half _cast_Int _cast_Long _cast_Short
_chunk_cat _coalesced _convert_indices_from_coo_to_csr _convert_indices_from_csr_to_coo
_convert_weight_to_int4pack _convert_weight_to_int4pack_for_cpu _copy_from _copy_from_and_resize
_cslt_compress _cudnn_rnn_flatten_weight _dyn_quant_pack_4bit_weight _functional_assert_async
_functional_assert_scalar _functional_sym_constrain_range _functional_sym_constrain_range_for_size
_jagged_to_padded_dense_forward _lazy_clone _nested_compute_contiguous_strides_offsets
_nested_from_padded _nested_from_padded_and_nested_example _nested_from_padded_tensor
_nested_get_jagged_dummy _nested_get_lengths _nested_get_max_seqlen _nested_get_min_seqlen
_nested_get_offsets _nested_tensor_from_mask _nested_tensor_from_tensor_list _nested_tensor_size
_nested_tensor_storage_offsets _nested_tensor_strides _pack_padded_sequence _pad_circular
_pad_enum _pad_packed_sequence _padded_dense_to_jagged_forward
_quantized::wrapped_fbgemm_pack_gemm_matrix_fp16 _resize_output _shape_as_tensor
_sparse_coo_tensor_unsafe _sparse_coo_tensor_with_dims_and_tensors _sparse_csr_tensor_unsafe
_sparse_semi_structured_apply _sparse_semi_structured_apply_dense _sparse_semi_structured_tile
_spdiags _to_sparse_semi_structured _unsafe_view argwhere atleast_1d atleast_2d atleast_3d
block_diag broadcast_tensors cartesian_prod cat channel_shuffle col2im column_stack combinations
concat concatenate constant_pad_nd copy copy_sparse_to_sparse data diag diag_embed diagflat dstack
export::access_subclass_inner_tensor fft_fftshift fft_ifftshift fill flip fliplr flipud hstack
im2col lift meshgrid mkldnn::_get_mkldnn_serialized_md native_channel_shuffle pad pad_sequence
pixel_shuffle pixel_unshuffle print q_per_channel_scales q_per_channel_zero_points
quantized::cat_relu reflection_pad1d reflection_pad2d reflection_pad3d repeat repeat_interleave
replication_pad1d replication_pad2d replication_pad3d resize resize_as resize_as_sparse roll rot90
row_stack set sparse_compressed_tensor sparse_coo_tensor sparse_mask sparse_resize
sparse_resize_and_clear stack tile to_dense to_mkldnn to_padded_tensor to_sparse to_sparse_bsc
to_sparse_bsr to_sparse_csc to_sparse_csr tril triu type_as unsafe_chunk unsafe_split
unsafe_split_with_sizes vstack zero
"""

_CREATION = """
_empty_per_channel_affine_quantized _new_zeros_with_same_feature_meta empty_like empty_quantized
full_like linspace logspace new_empty new_empty_strided new_full new_ones new_zeros ones_like
vander zeros_like
"""

_RANDOM = """
_philox_key_fold_in _philox_key_split _philox_normal _philox_uniform
"""

# Of bitsandbytes and quanto: to 8 and 4 bits and back.
_QUANTISATION = """
bitsandbytes::dequantize_4bit bitsandbytes::dequantize_blockwise bitsandbytes::int8_double_quant
bitsandbytes::int8_mm_dequant bitsandbytes::int8_vectorwise_dequant
bitsandbytes::int8_vectorwise_quant bitsandbytes::quantize_4bit bitsandbytes::quantize_blockwise
quanto::unpack
"""

# Those of the elementwise that are activation functions: which of them ran, a count notes.
_ACTIVATION = """
celu elu gelu glu hardshrink hardsigmoid hardswish hardtanh leaky_relu log_sigmoid
log_sigmoid_forward mish prelu relu relu6 rrelu selu sigmoid silu softplus softshrink tanh threshold
"""
ACTIVATIONS: frozenset[str] = frozenset(_ACTIVATION.split())

FREE: frozenset[str] = frozenset(
    (
        _ELEMENTWISE
        + _REDUCTION
        + _NORMALISATION
        + _POOLING
        + _LOOKUP
        + _LAYOUT
        + _CREATION
        + _RANDOM
        + _QUANTISATION
    ).split()
)
