"""The functions of TensorFlow that a layer of an `.h5` file may call (`TFOpLambda` and its kind).

They compute from their arguments, whatever these are. Not here, for example: everything that reads, writes, prints,
decodes files or takes a Python function, and the candidate samplers, one of which reads a vocabulary file.
"""

from __future__ import annotations

from typing import Final

from edgecv_converters.source.allowed.tensorflow_ops import OPERATIONS

_FAMILIES: Final = {
    "": """
        abs acos acosh add add_n argmax argmin argsort asin asinh atan atan2 atanh batch_gather
        batch_to_space batch_to_space_nd bitcast boolean_mask broadcast_dynamic_shape broadcast_static_shape
        broadcast_to cast ceil clip_by_average_norm clip_by_norm clip_by_value complex concat conj constant
        convert_to_tensor cos cosh count_nonzero cross cumprod cumsum depth_to_space diag diag_part divide
        dynamic_partition dynamic_stitch einsum ensure_shape equal erf erfc exp expand_dims expm1 extract_image_patches
        extract_volume_patches eye fill floor floor_div floordiv floormod gather gather_nd greater greater_equal
        identity identity_n imag is_finite is_inf is_nan less less_equal linspace lin_space log log1p
        log_sigmoid logical_and logical_not logical_or logical_xor matmul matrix_band_part matrix_diag matrix_diag_part
        matrix_inverse matrix_set_diag matrix_transpose maximum meshgrid minimum mod multiply negative norm
        not_equal one_hot ones ones_like pad parallel_stack pow range rank real realdiv reciprocal reduce_all
        reduce_any reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_sum repeat reshape
        reverse reverse_sequence reverse_v2 rint roll round rsqrt saturate_cast scalar_mul scatter_nd searchsorted
        sequence_mask shape shape_n sigmoid sign sin sinh size slice sort space_to_batch space_to_batch_nd
        space_to_depth split sqrt square squared_difference squeeze stack stop_gradient strided_slice subtract tan tanh
        tensor_scatter_add tensor_scatter_nd_add tensor_scatter_nd_max tensor_scatter_nd_min tensor_scatter_nd_sub
        tensor_scatter_nd_update tensor_scatter_sub tensor_scatter_update tensordot tile to_bfloat16 to_double to_float
        to_int32 to_int64 trace transpose truediv truncatediv truncatemod unique unique_with_counts unravel_index
        unstack where where_v2 zeros zeros_like
        """,
    "__operators__": "add eq getitem ne ragged_getitem",
    "bitwise": "bitwise_and bitwise_or bitwise_xor invert left_shift right_shift",
    "debugging": """
        assert_all_finite assert_equal assert_greater assert_greater_equal assert_less assert_less_equal assert_near
        assert_negative assert_non_negative assert_none_equal assert_positive assert_rank assert_rank_at_least
        assert_rank_in assert_shapes check_numerics is_non_decreasing is_numeric_tensor is_strictly_increasing
        """,
    "image": """
        adjust_brightness adjust_contrast adjust_gamma adjust_hue adjust_saturation central_crop
        combined_non_max_suppression convert_image_dtype crop_and_resize crop_to_bounding_box draw_bounding_boxes
        extract_glimpse extract_image_patches extract_patches flip_left_right flip_up_down
        generate_bounding_box_proposals grayscale_to_rgb hsv_to_rgb image_gradients non_max_suppression
        non_max_suppression_overlaps non_max_suppression_padded non_max_suppression_with_scores pad_to_bounding_box
        per_image_standardization psnr random_brightness random_contrast random_crop random_flip_left_right
        random_flip_up_down random_hue random_saturation resize resize_area resize_bicubic resize_bilinear
        resize_image_with_crop_or_pad resize_image_with_pad resize_images resize_nearest_neighbor
        resize_with_crop_or_pad resize_with_pad rgb_to_grayscale rgb_to_hsv rgb_to_yiq rgb_to_yuv rot90 sobel_edges
        ssim ssim_multiscale total_variation transpose transpose_image yiq_to_rgb yuv_to_rgb
        """,
    "keras.activations": """
        elu exponential gelu hard_sigmoid linear mish relu selu sigmoid softmax softplus softsign swish tanh
        """,
    "keras.backend": """
        abs all any arange argmax argmin batch_dot batch_flatten batch_normalization bias_add binary_crossentropy cast
        cast_to_floatx categorical_crossentropy clip concatenate constant conv1d conv2d conv2d_transpose conv3d cos
        cumprod cumsum depthwise_conv2d dot elu equal exp expand_dims eye flatten gather greater greater_equal
        hard_sigmoid in_top_k l2_normalize less less_equal log max maximum mean min minimum not_equal one_hot ones
        ones_like permute_dimensions pool2d pool3d pow prod relu repeat repeat_elements reshape resize_images
        resize_volumes reverse round separable_conv2d shape sigmoid sign sin softmax softplus softsign
        spatial_2d_padding spatial_3d_padding sqrt square squeeze stack std stop_gradient sum tanh temporal_padding
        tile transpose var zeros zeros_like
        """,
    "linalg": """
        adjoint band_part banded_triangular_solve cholesky cholesky_solve cross det diag diag_part eig eigh
        eigh_tridiagonal eigvals eigvalsh einsum expm eye global_norm inv l2_normalize logdet logm lstsq lu
        lu_matrix_inverse lu_reconstruct lu_solve matmul matrix_rank matrix_transpose matvec norm normalize pinv qr
        set_diag slogdet solve sqrtm svd tensor_diag tensor_diag_part tensordot trace transpose triangular_solve
        tridiagonal_matmul tridiagonal_solve
        """,
    "math": """
        abs accumulate_n acos acosh add add_n angle approx_max_k approx_min_k argmax argmin asin asinh atan atan2 atanh
        bessel_i0 bessel_i0e bessel_i1 bessel_i1e betainc bincount ceil confusion_matrix conj cos cosh count_nonzero
        cumprod cumsum cumulative_logsumexp digamma divide divide_no_nan equal erf erfc erfcinv erfinv exp expm1 floor
        floordiv floormod greater greater_equal igamma igammac imag in_top_k invert_permutation is_finite is_inf is_nan
        is_non_decreasing is_strictly_increasing l2_normalize lbeta less less_equal lgamma log log1p log_sigmoid
        log_softmax logical_and logical_not logical_or logical_xor maximum minimum mod multiply multiply_no_nan ndtri
        negative nextafter not_equal polygamma polyval pow real reciprocal reciprocal_no_nan reduce_all reduce_any
        reduce_euclidean_norm reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_std reduce_sum
        reduce_variance rint round rsqrt scalar_mul segment_max segment_mean segment_min segment_prod segment_sum
        sigmoid sign sin sinh softmax softplus softsign sqrt square squared_difference subtract tan tanh top_k truediv
        unsorted_segment_max unsorted_segment_mean unsorted_segment_min unsorted_segment_prod unsorted_segment_sqrt_n
        unsorted_segment_sum xdivy xlog1py xlogy zero_fraction zeta
        """,
    "math.special": """
        bessel_i0 bessel_i0e bessel_i1 bessel_i1e bessel_j0 bessel_j1 bessel_k0 bessel_k0e bessel_k1 bessel_k1e
        bessel_y0 bessel_y1 dawsn expint fresnel_cos fresnel_sin spence
        """,
    "nn": """
        approx_max_k approx_min_k atrous_conv2d atrous_conv2d_transpose avg_pool avg_pool1d avg_pool2d avg_pool3d
        avg_pool_v2 batch_norm_with_global_normalization batch_normalization bias_add collapse_repeated conv1d
        conv1d_transpose conv2d conv2d_backprop_input conv2d_transpose conv3d conv3d_transpose conv_transpose
        convolution crelu ctc_beam_search_decoder ctc_beam_search_decoder_v2 ctc_greedy_decoder depth_to_space
        depthwise_conv2d depthwise_conv2d_backprop_input depthwise_conv2d_native dilation2d dropout elu
        embedding_lookup erosion2d fractional_avg_pool fractional_max_pool fused_batch_norm gelu in_top_k
        isotonic_regression l2_loss l2_normalize leaky_relu local_response_normalization log_poisson_loss log_softmax
        lrn max_pool max_pool1d max_pool2d max_pool3d max_pool_v2 max_pool_with_argmax moments normalize_moments pool
        quantized_relu_x relu relu6 relu_layer selu separable_conv2d sigmoid sigmoid_cross_entropy_with_logits silu
        softmax softmax_cross_entropy_with_logits softmax_cross_entropy_with_logits_v2 softplus softsign space_to_batch
        space_to_depth sparse_softmax_cross_entropy_with_logits sufficient_statistics swish tanh top_k
        weighted_cross_entropy_with_logits weighted_moments with_space_to_batch xw_plus_b zero_fraction
        """,
    "quantization": """
        dequantize fake_quant_with_min_max_args fake_quant_with_min_max_vars fake_quant_with_min_max_vars_per_channel
        quantize quantize_and_dequantize quantize_and_dequantize_v2 quantized_concat
        """,
    "ragged": "boolean_mask constant range row_splits_to_segment_ids segment_ids_to_row_splits stack",
    "random": "normal shuffle stateless_normal stateless_uniform truncated_normal uniform",
    "signal": """
        dct fft fft2d fft3d fftnd fftshift frame hamming_window hann_window idct ifft ifft2d ifft3d ifftnd ifftshift
        inverse_mdct inverse_stft irfft irfft2d irfft3d irfftnd kaiser_bessel_derived_window kaiser_window
        linear_to_mel_weight_matrix mdct mfccs_from_log_mel_spectrograms overlap_and_add rfft rfft2d rfft3d rfftnd stft
        vorbis_window
        """,
    "sparse": """
        add concat expand_dims eye fill_empty_rows from_dense mask maximum minimum reduce_max reduce_sum reorder
        reset_shape reshape retain slice softmax sparse_dense_matmul split to_dense to_indicator transpose
        """,
}

FUNCTIONS: Final = frozenset(
    f"{family}.{name}" if family else name for family, names in _FAMILIES.items() for name in names.split()
) | {f"raw_ops.{operation}" for operation in OPERATIONS}

_RAGGED: Final = """
from_value_rowids from_row_splits from_row_lengths from_row_starts from_row_limits from_uniform_row_length
from_nested_value_rowids from_nested_row_splits from_nested_row_lengths from_tensor from_sparse
"""
RAGGED_CONSTRUCTORS: Final = frozenset(_RAGGED.split())

_MEMBERS: Final = """
values flat_values row_splits nested_row_splits indices dense_shape value_rowids nested_value_rowids nrows row_starts
row_limits row_lengths nested_row_lengths bounding_shape with_values with_flat_values with_row_splits_dtype merge_dims
to_tensor to_sparse
"""
MEMBERS: Final = frozenset(_MEMBERS.split())
"""The members of ragged and sparse tensors that `InstanceProperty` and `InstanceMethod` may ask for."""


def computes(function: object) -> bool:
    """Tell whether TensorFlow's function of that name is one of those that only compute."""
    if not isinstance(function, str):
        return False
    return function.removeprefix("compat.v1.").removeprefix("compat.v2.") in FUNCTIONS
