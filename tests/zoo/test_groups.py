"""The data behind weights, for names of every kind, by what their authors say of them."""

from __future__ import annotations

import pytest

from opbench.zoo.groups import group_of


@pytest.mark.parametrize(
    ("weights", "group"),
    [
        ("resnet50.a1_in1k", "imagenet1k"),
        ("resnet50.IMAGENET1K_V2", "imagenet1k"),
        ("vit_base_patch16_224.mae", "imagenet1k"),
        ("hiera_base_224.mae_in1k_ft_in1k", "imagenet1k"),
        ("vit_base_patch16_224.sam_in1k", "imagenet1k"),  # an optimizer, not Segment Anything
        ("convnextv2_base.fcmae_ft_in1k", "imagenet1k"),
        ("convnext_tiny.in12k_ft_in1k", "imagenet12k"),
        ("convnext_tiny.fb_in22k_ft_in1k", "imagenet21k"),
        ("mvitv2_base_cls.fb_inw21k", "imagenet21k"),
        ("hgnetv2_b0.ssld_stage2_ft_in1k", "imagenet21k"),
        ("tiny_vit_5m_224.dist_in22k_ft_in1k", "imagenet21k"),
        ("swin3d_b.KINETICS400_IMAGENET22K_V1", "imagenet21k"),
        ("deit_base_distilled_patch16_224.fb_in1k", "distilled"),
        ("levit_128.fb_dist_in1k", "distilled"),
        ("edgenext_base.usi_in1k", "distilled"),
        ("efficientvim_m1_dist.in1k", "distilled"),
        ("tf_efficientnet_l2.ns_jft_in1k", "web"),
        ("resnext101_32x16d.fb_wsl_ig1b_ft_in1k", "web"),
        ("vit_base_patch16_clip_224.openai_ft_in12k_in1k", "web"),
        ("regnet_y_16gf.IMAGENET1K_SWAG_E2E_V1", "web"),
        ("eva_giant_patch14_336.m30m_ft_in22k_in1k", "web"),
        ("beit3_base_patch16_224.in22k_ft_in1k", "web"),
        ("r3d_18.KINETICS400_V1", "other"),
        ("fcn_resnet50.COCO_WITH_VOC_LABELS_V1", "other"),
    ],
)
def test_the_largest_data_set_that_was_looked_at_names_the_group(weights: str, group: str) -> None:
    assert group_of(weights) == group
