"""KerasHub's and KerasCV's networks in small configurations, built by their own classes with random weights."""

from __future__ import annotations

from typing import Any, Final

import keras_cv
import keras_hub

from benchmarks.zoo_places_data import SHAPES, SIDE

CLASSES: Final = len(SHAPES)
PICTURE: Final = (SIDE, SIDE, 3)
hub = keras_hub.models


def _resnet() -> Any:
    return hub.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 64, 96, 128],
        stackwise_num_blocks=[1, 1, 1, 1],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
        image_shape=PICTURE,
    )


def _hgnet(**options: Any) -> Any:
    return hub.HGNetV2Backbone(
        stem_channels=[3, 8, 8],
        stackwise_stage_filters=[[8, 8, 16, 1, 1, 3], [16, 8, 32, 1, 1, 3], [32, 16, 64, 1, 1, 3]],
        apply_downsample=[False, True, True],
        use_lightweight_conv_block=[False, False, True],
        depths=[1, 1, 1],
        hidden_sizes=[16, 32, 64],
        embedding_size=8,
        use_learnable_affine_block=True,
        hidden_act="relu",
        **options,
    )


def _mit() -> Any:
    return hub.MiTBackbone(
        image_shape=PICTURE,
        num_layers=4,
        hidden_dims=[16, 32, 48, 64],
        layerwise_depths=[1, 1, 1, 1],
        layerwise_num_heads=[1, 2, 3, 4],
        layerwise_sr_ratios=[8, 4, 2, 1],
        layerwise_patch_sizes=[7, 3, 3, 3],
        layerwise_strides=[4, 2, 2, 2],
        max_drop_path_rate=0.1,
    )


def retinanet() -> Any:
    """RetinaNet on a ResNet, whose pyramid has the levels 3 to 5 and whose anchors are half as long as usual."""
    backbone = hub.RetinaNetBackbone(
        image_encoder=_resnet(), min_level=3, max_level=5, use_p5=False, image_shape=PICTURE
    )
    anchors = keras_hub.layers.AnchorGenerator(
        "xyxy", min_level=3, max_level=5, num_scales=3, aspect_ratios=[0.5, 1.0, 2.0], anchor_size=2.0
    )
    return hub.RetinaNetObjectDetector(
        backbone, CLASSES, "xyxy", anchor_generator=anchors, pre_logits_num_conv_layers=1
    )


def d_fine() -> Any:
    """D-FINE on an HGNetV2, with thirty queries."""
    backbone = hub.DFineBackbone(
        backbone=_hgnet(image_shape=PICTURE, out_features=["stage2", "stage3"]),
        decoder_in_channels=[32, 32],
        encoder_hidden_dim=32,
        num_labels=CLASSES,
        num_denoising=0,
        hidden_dim=32,
        learn_initial_query=False,
        num_queries=30,
        anchor_image_size=(SIDE, SIDE),
        feat_strides=[8, 16],
        num_feature_levels=2,
        encoder_in_channels=[32, 64],
        encode_proj_layers=[1],
        num_attention_heads=2,
        encoder_ffn_dim=64,
        num_encoder_layers=1,
        hidden_expansion=0.5,
        depth_multiplier=0.5,
        eval_idx=-1,
        num_decoder_layers=2,
        decoder_attention_heads=2,
        decoder_ffn_dim=64,
        decoder_method="default",
        decoder_n_points=[2, 2],
        lqe_hidden_dim=16,
        num_lqe_layers=2,
        out_features=["stage2", "stage3"],
        image_shape=PICTURE,
        seed=0,
    )
    return hub.DFineObjectDetector(backbone, CLASSES, bounding_box_format="xyxy")


def yolo_v8() -> Any:
    """KerasCV's YOLOv8."""
    backbone = keras_cv.models.YOLOV8Backbone(
        stackwise_channels=[16, 32, 48, 64],
        stackwise_depth=[1, 1, 1, 1],
        include_rescaling=True,
        input_shape=PICTURE,
    )
    return keras_cv.models.YOLOV8Detector(backbone, CLASSES, bounding_box_format="xyxy", fpn_depth=1)


def segformer() -> Any:
    """SegFormer on a Mix Transformer: logits, resized to the picture."""
    backbone = hub.SegFormerBackbone(image_encoder=_mit(), projection_filters=32)
    return hub.SegFormerImageSegmenter(backbone, CLASSES + 1)


def deeplab_v3() -> Any:
    """DeepLabV3+ on a ResNet: a softmax over each pixel."""
    backbone = hub.DeepLabV3Backbone(
        image_encoder=_resnet(),
        low_level_feature_key="P2",
        spatial_pyramid_pooling_key="P4",
        dilation_rates=[2, 4, 6],
        upsampling_size=4,
        projection_filters=16,
        image_shape=PICTURE,
    )
    return hub.DeepLabV3ImageSegmenter(backbone, CLASSES + 1, activation="softmax")


def vit() -> Any:
    """A Vision Transformer."""
    backbone = hub.ViTBackbone(image_shape=PICTURE, patch_size=16, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64)
    return hub.ViTImageClassifier(backbone, CLASSES)


def mit() -> Any:
    """A Mix Transformer."""
    return hub.MiTImageClassifier(_mit(), CLASSES)


def efficientnet_lite() -> Any:
    """EfficientNet-Lite: no squeeze and excitation, ReLU6."""
    stages = 4
    backbone = hub.EfficientNetBackbone(
        stackwise_width_coefficients=[1.0] * stages,
        stackwise_depth_coefficients=[1.0] * stages,
        stackwise_kernel_sizes=[3, 3, 5, 3],
        stackwise_num_repeats=[1, 2, 2, 2],
        stackwise_input_filters=[16, 8, 16, 24],
        stackwise_output_filters=[8, 16, 24, 32],
        stackwise_expansion_ratios=[1, 6, 6, 6],
        stackwise_squeeze_and_excite_ratios=[0.0] * stages,
        stackwise_strides=[1, 2, 2, 2],
        stackwise_block_types=["v1"] * stages,
        stackwise_force_input_filters=[0] * stages,
        stackwise_nores_option=[False] * stages,
        activation="relu6",
        num_features=64,
        input_shape=PICTURE,
    )
    return hub.EfficientNetImageClassifier(backbone, CLASSES, activation="softmax")


def efficientnet_v2() -> Any:
    """EfficientNetV2: fused blocks, squeeze and excitation, swish."""
    stages = 4
    backbone = hub.EfficientNetBackbone(
        stackwise_width_coefficients=[1.0] * stages,
        stackwise_depth_coefficients=[1.0] * stages,
        stackwise_kernel_sizes=[3] * stages,
        stackwise_num_repeats=[1, 2, 2, 2],
        stackwise_input_filters=[16, 8, 16, 24],
        stackwise_output_filters=[8, 16, 24, 32],
        stackwise_expansion_ratios=[1, 4, 4, 6],
        stackwise_squeeze_and_excite_ratios=[0.0, 0.0, 0.25, 0.25],
        stackwise_strides=[1, 2, 2, 2],
        stackwise_block_types=["fused", "fused", "unfused", "unfused"],
        stackwise_force_input_filters=[0] * stages,
        stackwise_nores_option=[False] * stages,
        num_features=64,
        input_shape=PICTURE,
    )
    return hub.EfficientNetImageClassifier(backbone, CLASSES, activation="softmax")


def mobilenet_v3() -> Any:
    """MobileNetV3: hard swish, squeeze and excitation."""
    backbone = hub.MobileNetBackbone(
        stackwise_expansion=[[16], [32, 48], [48, 64]],
        stackwise_num_blocks=[1, 2, 2],
        stackwise_num_filters=[[16], [24, 24], [32, 32]],
        stackwise_kernel_size=[[3], [3, 5], [5, 5]],
        stackwise_num_strides=[[2], [2, 1], [2, 1]],
        stackwise_se_ratio=[[0.25], [None, None], [0.25, 0.25]],
        stackwise_activation=[["relu"], ["relu", "relu"], ["hard_swish", "hard_swish"]],
        stackwise_padding=[[1], [1, 2], [2, 2]],
        output_num_filters=64,
        input_activation="hard_swish",
        output_activation="hard_swish",
        input_num_filters=16,
        image_shape=PICTURE,
        depthwise_filters=16,
        depthwise_stride=1,
        depthwise_residual=True,
        last_layer_filter=64,
    )
    return hub.MobileNetImageClassifier(backbone, CLASSES)


def mobilenet_v5() -> Any:
    """MobileNetV5: universal inverted residuals, attention with shared keys, RMS norms, GELU."""
    backbone = hub.MobileNetV5Backbone(
        stackwise_block_types=[["er"], ["uir", "uir"], ["uir", "mqa"]],
        stackwise_num_blocks=[1, 2, 2],
        stackwise_num_filters=[[16], [24, 24], [32, 32]],
        stackwise_strides=[[2], [2, 1], [2, 1]],
        stackwise_act_layers=[["gelu"], ["gelu", "gelu"], ["gelu", "gelu"]],
        stackwise_exp_ratios=[[4.0], [4.0, 4.0], [4.0, 1.0]],
        stackwise_se_ratios=[[0.0], [0.0, 0.0], [0.0, 0.0]],
        stackwise_dw_kernel_sizes=[[0], [5, 5], [5, 0]],
        stackwise_dw_start_kernel_sizes=[[0], [0, 0], [0, 0]],
        stackwise_dw_end_kernel_sizes=[[0], [0, 0], [0, 0]],
        stackwise_exp_kernel_sizes=[[3], [0, 0], [0, 0]],
        stackwise_pw_kernel_sizes=[[1], [0, 0], [0, 0]],
        stackwise_num_heads=[[0], [0, 0], [0, 2]],
        stackwise_key_dims=[[0], [0, 0], [0, 16]],
        stackwise_value_dims=[[0], [0, 0], [0, 16]],
        stackwise_kv_strides=[[0], [0, 0], [0, 1]],
        stackwise_use_cpe=[[False], [False, False], [False, False]],
        image_shape=PICTURE,
        stem_size=16,
        use_msfa=False,
    )
    return hub.MobileNetV5ImageClassifier(backbone, CLASSES)


def cspnet() -> Any:
    """CSPDarkNet: leaky ReLU, stages that are split."""
    backbone = hub.CSPNetBackbone(
        stem_filters=16,
        stem_kernel_size=3,
        stem_strides=2,
        stackwise_strides=2,
        stackwise_depth=[1, 1, 2],
        stackwise_num_filters=[16, 24, 48],
        down_growth=True,
        bottle_ratio=(0.5, 1.0),
        block_ratio=(1.0, 0.5),
        expand_ratio=(2.0, 1.0),
        block_type="dark_block",
        stage_type="csp",
        stem_padding="same",
        image_shape=PICTURE,
    )
    return hub.CSPNetImageClassifier(backbone, CLASSES)


def swin() -> Any:
    """A Swin Transformer: windows that shift."""
    backbone = hub.SwinTransformerBackbone(
        image_shape=PICTURE, embed_dim=16, depths=(2, 2), num_heads=(2, 4), window_size=6
    )
    return hub.SwinTransformerImageClassifier(backbone, CLASSES)


def hgnet_v2() -> Any:
    """HGNetV2, which D-FINE is built on."""
    return hub.HGNetV2ImageClassifier(_hgnet(image_shape=PICTURE), preprocessor=None, num_classes=CLASSES)


def depth_anything() -> Any:
    """Depth Anything on a DINOv2: a depth for each pixel."""
    side = 84
    encoder = hub.DINOV2Backbone(
        patch_size=14,
        num_layers=4,
        hidden_dim=32,
        num_heads=2,
        intermediate_dim=64,
        image_shape=(side, side, 3),
        position_embedding_shape=(126, 126),
        apply_layernorm=True,
    )
    backbone = hub.DepthAnythingBackbone(
        image_encoder=encoder,
        reassemble_factors=[4, 2, 1, 0.5],
        neck_hidden_dims=[16, 16, 24, 32],
        fusion_hidden_dim=16,
        head_hidden_dim=16,
        head_in_index=-1,
        feature_keys=["stage1", "stage2", "stage3", "stage4"],
    )
    return hub.DepthAnythingDepthEstimator(backbone, depth_estimation_type="relative")
