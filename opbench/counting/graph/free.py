"""Operators of ONNX and ONNX Runtime that have no dot product: a closed list.

As in ``opbench.counting.rules.free``: each moves, compares, reduces or transforms elements, and no
element of its result is a sum of products of two factors.
"""

from __future__ import annotations

_ELEMENTWISE = """
Abs Acos Acosh Add And Asin Asinh Atan Atanh BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr
BitwiseXor Cast CastLike Ceil Celu Clip Cos Cosh DequantizeLinear Div Dropout DynamicQuantizeLinear
Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish IsInf IsNaN LeakyRelu Less
LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu ParametricSoftplus Pow QuantizeLinear
Reciprocal Relu RotaryEmbedding Round Scale ScaledTanh Selu Shrink Sigmoid Sign Sin Sinh Softplus
Softsign Sqrt Sub Sum SwiGLU Swish Tan Tanh ThresholdedRelu Where Xor Affine
"""

_REDUCTION = """
ArgMax ArgMin CumProd CumSum Hardmax LogSoftmax NegativeLogLikelihoodLoss NonMaxSuppression NonZero
ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
ReduceSumSquare Softmax SoftmaxCrossEntropyLoss TopK Unique
"""

_NORMALISATION = """
BatchNormalization GroupNormalization InstanceNormalization LRN LayerNormalization LpNormalization
MeanVarianceNormalization RMSNormalization SimplifiedLayerNormalization
"""

_POOLING = """
AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample LpPool MaxPool MaxRoiPool
MaxUnpool Resize RoiAlign Upsample
"""

_LAYOUT = """
CenterCropPad Col2Im Compress Concat ConcatFromSequence Constant ConstantOfShape Crop DepthToSpace
Expand Flatten Gather GatherElements GatherND Identity OneHot Optional OptionalGetElement
OptionalHasElement Pad Reshape ReverseSequence Scatter ScatterElements ScatterND SequenceAt
SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Size Slice
SpaceToDepth Split SplitToSequence Squeeze TensorScatter Tile Transpose Trilu Unsqueeze
"""

_CREATION = """
Bernoulli BlackmanWindow ConstantFill EyeLike HammingWindow HannWindow ImageDecoder MelWeightMatrix
Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range
RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer
"""

_TREES_AND_TRAINING = """
ai.onnx.ml::ArrayFeatureExtractor ai.onnx.ml::Binarizer ai.onnx.ml::CastMap
ai.onnx.ml::CategoryMapper ai.onnx.ml::DictVectorizer ai.onnx.ml::FeatureVectorizer
ai.onnx.ml::Imputer ai.onnx.ml::LabelEncoder ai.onnx.ml::Normalizer ai.onnx.ml::OneHotEncoder
ai.onnx.ml::Scaler ai.onnx.ml::TreeEnsemble ai.onnx.ml::TreeEnsembleClassifier
ai.onnx.ml::TreeEnsembleRegressor ai.onnx.ml::ZipMap ai.onnx.preview.training::Adagrad
ai.onnx.preview.training::Adam ai.onnx.preview.training::Momentum
"""

# Of ONNX Runtime, in its domain com.microsoft.
_CONTRIBUTED = """
BiasAdd BiasDropout BiasGelu BiasSoftmax BiasSplitGelu CDist
CropAndResize DequantizeLinear DynamicTimeWarping EmbedLayerNormalization ExpandDims FastGelu
GatherBlockQuantized GatherND Gelu GridSample GroupNorm IsAllFinite MaxpoolWithMask
MulInteger NGramRepeatBlock NhwcMaxPool Pad QEmbedLayerNormalization QLinearAdd QLinearAveragePool
QLinearConcat QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearReduceMean QLinearSigmoid
QLinearSoftmax QLinearWhere QuantizeLinear QuickGelu Range ReduceSumInteger RemovePadding
RestorePadding RotaryEmbedding SkipGroupNorm SkipLayerNormalization
SkipSimplifiedLayerNormalization Tokenizer TorchEmbedding Trilu Unique
"""

_ACTIVATION = """
Celu Elu Gelu HardSigmoid HardSwish LeakyRelu Mish PRelu Relu Selu Shrink Sigmoid Softplus Softsign
SwiGLU Swish Tanh ThresholdedRelu com.microsoft::BiasGelu com.microsoft::FastGelu
com.microsoft::Gelu com.microsoft::QuickGelu
"""
# Which of the activation functions ran, a count notes.
ACTIVATIONS: frozenset[str] = frozenset(_ACTIVATION.split())

FREE: frozenset[str] = frozenset(
    (
        _ELEMENTWISE
        + _REDUCTION
        + _NORMALISATION
        + _POOLING
        + _LAYOUT
        + _CREATION
        + _TREES_AND_TRAINING
    ).split()
) | frozenset(f"com.microsoft::{name}" for name in _CONTRIBUTED.split())

# Their result is their first input, seen in another way: no memory of its own.
VIEWS: frozenset[str] = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
