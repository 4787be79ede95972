"""The operations of TensorFlow that a graph may hold: each computes, or keeps its state in memory.

TensorFlow's own mark of a stateful operation is no guide: ReadFile, ImmutableConst (which maps a file), DebugIdentity
and CacheDataset do not have it. So every name was read, with its inputs and attributes. Left out are those that read
or write files, print, talk to other processes, run Python or machine code, or wait: among them every data set,
iterator, queue, reader and summary writer, DecodeProtoV2 (a descriptor file) and FixedUnigramCandidateSampler (a
vocabulary file).
"""

from __future__ import annotations

from typing import Final

_FAMILIES: Final = {
    "constants, placeholders and identities": """
        Const EmptyTensorList EmptyTensorMap EnsureShape FakeParam GuaranteeConst Identity IdentityN NoOp Placeholder
        PlaceholderV2 PlaceholderWithDefault PreventGradient Rank RefIdentity Shape ShapeN Size Snapshot StopGradient
        VariableShape ZerosLike OnesLike Fill Empty Range LinSpace Bitcast Cast DeepCopy ToBool
        BroadcastArgs BroadcastGradientArgs BroadcastTo
        """,
    "checks": "Assert CheckNumerics CheckNumericsV2",
    "calls and control flow": """
        Case ControlTrigger Enter Exit For If LoopCond MapDefun Merge NextIteration PartitionedCall RefEnter RefExit
        RefMerge RefNextIteration RefSelect RefSwitch StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile
        Switch While DeviceIndex
        """,
    "variables": """
        Assign AssignAdd AssignAddVariableOp AssignSub AssignSubVariableOp AssignVariableOp CountUpTo DestroyResourceOp
        DestroyTemporaryVariable DisableCopyOnRead IsVariableInitialized ReadVariableOp ResourceCountUpTo ResourceGather
        ResourceGatherNd ResourceScatterAdd ResourceScatterDiv ResourceScatterMax ResourceScatterMin ResourceScatterMul
        ResourceScatterNdAdd ResourceScatterNdMax ResourceScatterNdMin ResourceScatterNdSub ResourceScatterNdUpdate
        ResourceScatterSub ResourceScatterUpdate ResourceStridedSliceAssign ScatterAdd ScatterDiv ScatterMax ScatterMin
        ScatterMul ScatterNdAdd ScatterNdMax ScatterNdMin ScatterNdSub ScatterNdUpdate ScatterSub ScatterUpdate
        StridedSliceAssign TemporaryVariable VarHandleOp VarIsInitializedOp Variable VariableV2
        """,
    "training": """
        ApplyAdaMax ApplyAdadelta ApplyAdagrad ApplyAdagradDA ApplyAdagradV2 ApplyAdam ApplyAddSign
        ApplyCenteredRMSProp ApplyFtrl ApplyFtrlV2 ApplyGradientDescent ApplyMomentum ApplyPowerSign
        ApplyProximalAdagrad ApplyProximalGradientDescent ApplyRMSProp ResourceApplyAdaMax ResourceApplyAdadelta
        ResourceApplyAdagrad ResourceApplyAdagradDA ResourceApplyAdagradV2 ResourceApplyAdam
        ResourceApplyAdamWithAmsgrad ResourceApplyAddSign ResourceApplyCenteredRMSProp ResourceApplyFtrl
        ResourceApplyFtrlV2 ResourceApplyGradientDescent ResourceApplyKerasMomentum ResourceApplyMomentum
        ResourceApplyPowerSign ResourceApplyProximalAdagrad ResourceApplyProximalGradientDescent ResourceApplyRMSProp
        ResourceSparseApplyAdadelta ResourceSparseApplyAdagrad ResourceSparseApplyAdagradDA
        ResourceSparseApplyAdagradV2 ResourceSparseApplyCenteredRMSProp ResourceSparseApplyFtrl
        ResourceSparseApplyFtrlV2 ResourceSparseApplyKerasMomentum ResourceSparseApplyMomentum
        ResourceSparseApplyProximalAdagrad ResourceSparseApplyProximalGradientDescent ResourceSparseApplyRMSProp
        SparseApplyAdadelta SparseApplyAdagrad SparseApplyAdagradDA SparseApplyAdagradV2 SparseApplyCenteredRMSProp
        SparseApplyFtrl SparseApplyFtrlV2 SparseApplyMomentum SparseApplyProximalAdagrad
        SparseApplyProximalGradientDescent SparseApplyRMSProp
        AudioSummary AudioSummaryV2 HistogramSummary ImageSummary MergeSummary ScalarSummary TensorSummary
        TensorSummaryV2
        """,
    "lists, arrays, stacks, maps and tables in memory": """
        AnonymousHashTable AnonymousMutableDenseHashTable AnonymousMutableHashTable
        AnonymousMutableHashTableOfTensors HashTable HashTableV2 InitializeTable InitializeTableV2
        LookupTableExport LookupTableExportV2 LookupTableFind LookupTableFindV2 LookupTableImport LookupTableImportV2
        LookupTableInsert LookupTableInsertV2 LookupTableRemoveV2 LookupTableSize LookupTableSizeV2
        MutableDenseHashTable MutableDenseHashTableV2 MutableHashTable MutableHashTableOfTensors
        MutableHashTableOfTensorsV2 MutableHashTableV2 Stack StackClose StackCloseV2 StackPop StackPopV2 StackPush
        StackPushV2 StackV2 TensorArray TensorArrayClose TensorArrayCloseV2 TensorArrayCloseV3 TensorArrayConcat
        TensorArrayConcatV2 TensorArrayConcatV3 TensorArrayGather TensorArrayGatherV2 TensorArrayGatherV3
        TensorArrayGrad TensorArrayGradV2 TensorArrayGradV3 TensorArrayGradWithShape TensorArrayPack TensorArrayRead
        TensorArrayReadV2 TensorArrayReadV3 TensorArrayScatter TensorArrayScatterV2 TensorArrayScatterV3
        TensorArraySize TensorArraySizeV2 TensorArraySizeV3 TensorArraySplit TensorArraySplitV2 TensorArraySplitV3
        TensorArrayUnpack TensorArrayV2 TensorArrayV3 TensorArrayWrite TensorArrayWriteV2 TensorArrayWriteV3
        TensorListConcat TensorListConcatLists TensorListConcatV2 TensorListElementShape TensorListFromTensor
        TensorListGather TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack
        TensorListPushBackBatch TensorListReserve TensorListResize TensorListScatter TensorListScatterIntoExistingList
        TensorListScatterV2 TensorListSetItem TensorListSplit TensorListStack TensorMapErase TensorMapHasKey
        TensorMapInsert TensorMapLookup TensorMapSize TensorMapStackKeys OptionalFromValue OptionalGetValue
        OptionalHasValue OptionalNone
        """,
    "arithmetic, element by element": """
        Abs Acos Acosh Add AddN AddV2 AccumulateNV2 Angle ApproximateEqual Asin Asinh Atan Atan2 Atanh BesselI0
        BesselI0e BesselI1 BesselI1e BesselJ0 BesselJ1 BesselK0 BesselK0e BesselK1 BesselK1e BesselY0 BesselY1 Betainc
        BitwiseAnd BitwiseOr BitwiseXor Ceil ClipByValue Complex ComplexAbs Conj Cos Cosh Cross Dawsn Digamma Div
        DivNoNan Equal Erf Erfc Erfinv Exp Expint Expm1 Floor FloorDiv FloorMod FresnelCos FresnelSin Greater
        GreaterEqual Igamma IgammaGradA Igammac Imag Inv InvGrad Invert IsFinite IsInf IsNan LeftShift Less LessEqual
        Lgamma Log Log1p LogicalAnd LogicalNot LogicalOr Maximum Minimum Mod Mul MulNoNan Ndtri Neg NextAfter NotEqual
        Polygamma PopulationCount Pow Real RealDiv Reciprocal ReciprocalGrad RightShift Rint Round Rsqrt RsqrtGrad
        Select SelectV2 Sigmoid SigmoidGrad Sign Sin Sinh Spence Sqrt SqrtGrad Square SquaredDifference Sub Tan Tanh
        TanhGrad TruncateDiv TruncateMod Xdivy Xlog1py Xlogy Zeta
        """,
    "activations": """
        Elu EluGrad LeakyRelu LeakyReluGrad LogSoftmax Relu Relu6 Relu6Grad ReluGrad Selu SeluGrad Softmax Softplus
        SoftplusGrad Softsign SoftsignGrad
        """,
    "reductions, sorting and counting": """
        All Any ApproxTopK ArgMax ArgMin Bincount Bucketize Cumprod Cumsum CumulativeLogsumexp DenseBincount
        DenseCountSparseOutput EuclideanNorm HistogramFixedWidth InTopK InTopKV2 IsotonicRegression KthOrderStatistic
        L2Loss ListDiff LowerBound Max Mean Min NthElement Prod SegmentMax SegmentMaxV2 SegmentMean SegmentMin
        SegmentMinV2 SegmentProd SegmentProdV2 SegmentSum SegmentSumV2 Sum TopK TopKUnique TopKV2 TopKWithUnique
        MakeUnique Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2 UnsortedSegmentMax UnsortedSegmentMin
        UnsortedSegmentProd UnsortedSegmentSum UpperBound Where
        """,
    "shapes and slices": """
        BatchToSpace BatchToSpaceND Concat ConcatOffset ConcatV2 ConjugateTranspose DataFormatDimMap
        DataFormatVecPermute DepthToSpace Diag DiagPart DynamicPartition DynamicStitch ExpandDims Gather GatherNd
        GatherV2 InplaceAdd InplaceSub InplaceUpdate InvertPermutation MatrixBandPart MatrixDiag MatrixDiagPart
        MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3
        MirrorPad MirrorPadGrad OneHot Pack Pad PadV2 ParallelConcat ParallelDynamicStitch Reshape Reverse
        ReverseSequence ReverseV2 Roll ScatterNd ScatterNdNonAliasingAdd Slice SpaceToBatch SpaceToBatchND SpaceToDepth
        Split SplitV Squeeze StridedSlice StridedSliceGrad TensorScatterAdd TensorScatterMax TensorScatterMin
        TensorScatterSub TensorScatterUpdate TensorStridedSliceUpdate Tile TileGrad Transpose Unpack UnravelIndex
        """,
    "matrices": """
        BandedTriangularSolve BatchCholesky BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchMatrixBandPart
        BatchMatrixDeterminant BatchMatrixDiag BatchMatrixDiagPart BatchMatrixInverse BatchMatrixSetDiag
        BatchMatrixSolve BatchMatrixTriangularSolve BatchSelfAdjointEigV2 BatchSvd Cholesky CholeskyGrad Eig Einsum
        LogMatrixDeterminant Lu MatMul MatrixDeterminant MatrixExponential MatrixInverse MatrixLogarithm MatrixSolve
        MatrixSolveLs MatrixSquareRoot MatrixTriangularSolve Qr SelfAdjointEig SelfAdjointEigV2 SparseMatMul Svd
        TridiagonalMatMul TridiagonalSolve
        """,
    "convolution, pooling and normalization": """
        AvgPool AvgPool3D AvgPool3DGrad AvgPoolGrad BatchNormWithGlobalNormalization
        BatchNormWithGlobalNormalizationGrad BiasAdd BiasAddGrad BiasAddV1 Conv Conv2D Conv2DBackpropFilter
        Conv2DBackpropFilterV2 Conv2DBackpropInput Conv2DBackpropInputV2 Conv3D Conv3DBackpropFilter
        Conv3DBackpropFilterV2 Conv3DBackpropInput Conv3DBackpropInputV2 DepthwiseConv2dNative
        DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput Dilation2D Dilation2DBackpropFilter
        Dilation2DBackpropInput FractionalAvgPool FractionalAvgPoolGrad FractionalMaxPool FractionalMaxPoolGrad
        FusedBatchNorm FusedBatchNormGrad FusedBatchNormGradV2 FusedBatchNormGradV3 FusedBatchNormV2 FusedBatchNormV3
        FusedPadConv2D FusedResizeAndPadConv2D LRN LRNGrad MaxPool MaxPool3D MaxPool3DGrad MaxPool3DGradGrad
        MaxPoolGrad MaxPoolGradGrad MaxPoolGradGradV2 MaxPoolGradGradWithArgmax MaxPoolGradV2 MaxPoolGradWithArgmax
        MaxPoolV2 MaxPoolWithArgmax _FusedBatchNormEx _FusedConv2D _FusedDepthwiseConv2dNative _FusedMatMul
        """,
    "recurrence and decoding": """
        BlockLSTM BlockLSTMGrad BlockLSTMGradV2 BlockLSTMV2 CTCBeamSearchDecoder CTCGreedyDecoder CTCLoss CTCLossV2
        CudnnRNN CudnnRNNBackprop CudnnRNNBackpropV2 CudnnRNNBackpropV3 CudnnRNNCanonicalToParams
        CudnnRNNCanonicalToParamsV2 CudnnRNNParamsSize CudnnRNNParamsToCanonical CudnnRNNParamsToCanonicalV2 CudnnRNNV2
        CudnnRNNV3 EditDistance GRUBlockCell GRUBlockCellGrad LSTMBlockCell LSTMBlockCellGrad
        SoftmaxCrossEntropyWithLogits SparseSoftmaxCrossEntropyWithLogits
        """,
    "pictures": """
        AdjustContrast AdjustContrastv2 AdjustHue AdjustSaturation CombinedNonMaxSuppression CropAndResize
        CropAndResizeGradBoxes CropAndResizeGradImage DecodeAndCropJpeg DecodeBmp DecodeGif DecodeImage DecodeJpeg
        DecodePng DrawBoundingBoxes DrawBoundingBoxesV2 EncodeJpeg EncodeJpegVariableQuality EncodePng ExtractGlimpse
        ExtractGlimpseV2 ExtractImagePatches ExtractJpegShape ExtractVolumePatches GenerateBoundingBoxProposals
        HSVToRGB ImageProjectiveTransformV2 ImageProjectiveTransformV3 NonMaxSuppression NonMaxSuppressionV2
        NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 NonMaxSuppressionWithOverlaps RGBToHSV ResizeArea
        ResizeBicubic ResizeBicubicGrad ResizeBilinear ResizeBilinearGrad ResizeNearestNeighbor
        ResizeNearestNeighborGrad SampleDistortedBoundingBox SampleDistortedBoundingBoxV2 ScaleAndTranslate
        ScaleAndTranslateGrad StatelessSampleDistortedBoundingBox
        """,
    "sound and spectra": """
        AudioMicrofrontend AudioSpectrogram BatchFFT BatchFFT2D BatchFFT3D BatchIFFT BatchIFFT2D BatchIFFT3D DecodeWav
        EncodeWav FFT FFT2D FFT3D FFTND IFFT IFFT2D IFFT3D IFFTND IRFFT IRFFT2D IRFFT3D IRFFTND Mfcc RFFT RFFT2D RFFT3D
        RFFTND
        """,
    "quantization": """
        Dequantize FakeQuantWithMinMaxArgs FakeQuantWithMinMaxArgsGradient FakeQuantWithMinMaxVars
        FakeQuantWithMinMaxVarsGradient FakeQuantWithMinMaxVarsPerChannel FakeQuantWithMinMaxVarsPerChannelGradient
        QuantizeAndDequantize QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4
        QuantizeAndDequantizeV4Grad QuantizeDownAndShrinkRange QuantizeV2 QuantizedAdd QuantizedAvgPool
        QuantizedBatchNormWithGlobalNormalization QuantizedBiasAdd QuantizedConcat QuantizedConcatV2 QuantizedConv2D
        QuantizedConv2DAndRelu QuantizedConv2DAndReluAndRequantize QuantizedConv2DAndRequantize
        QuantizedConv2DPerChannel QuantizedConv2DWithBias QuantizedConv2DWithBiasAndRelu
        QuantizedConv2DWithBiasAndReluAndRequantize QuantizedConv2DWithBiasAndRequantize QuantizedDepthwiseConv2D
        QuantizedDepthwiseConv2DWithBias QuantizedDepthwiseConv2DWithBiasAndRelu QuantizedInstanceNorm QuantizedMatMul
        QuantizedMatMulWithBias QuantizedMatMulWithBiasAndRelu QuantizedMaxPool QuantizedMul QuantizedRelu
        QuantizedRelu6 QuantizedReluX QuantizedReshape QuantizedResizeBilinear RequantizationRange
        RequantizationRangePerChannel Requantize RequantizePerChannel UniformDequantize UniformQuantize
        UniformQuantizedAdd UniformQuantizedClipByValue UniformQuantizedConvolution UniformQuantizedConvolutionHybrid
        UniformQuantizedDot UniformQuantizedDotHybrid UniformRequantize
        """,
    "random numbers": """
        AnonymousRandomSeedGenerator AnonymousSeedGenerator Multinomial NonDeterministicInts
        ParameterizedTruncatedNormal
        RandomGamma RandomGammaGrad RandomIndexShuffle RandomPoisson RandomPoissonV2 RandomShuffle RandomStandardNormal
        RandomUniform RandomUniformInt RngReadAndSkip RngSkip SobolSample StatefulRandomBinomial StatefulStandardNormal
        StatefulStandardNormalV2 StatefulTruncatedNormal StatefulUniform StatefulUniformFullInt StatefulUniformInt
        StatelessMultinomial StatelessParameterizedTruncatedNormal StatelessRandomBinomial StatelessRandomGammaV2
        StatelessRandomGammaV3 StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg
        StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomPoisson StatelessRandomUniform
        StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessRandomUniformInt
        StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessShuffle StatelessTruncatedNormal
        StatelessTruncatedNormalV2 TruncatedNormal
        """,
    "sparse and ragged tensors": """
        DenseToDenseSetOperation DenseToSparseSetOperation DeserializeManySparse DeserializeSparse RaggedBincount
        RaggedCountSparseOutput RaggedCross RaggedFillEmptyRows RaggedFillEmptyRowsGrad RaggedGather RaggedRange
        RaggedTensorFromVariant RaggedTensorToSparse RaggedTensorToTensor RaggedTensorToVariant
        RaggedTensorToVariantGradient SerializeManySparse SerializeSparse SetSize SparseAdd SparseAddGrad SparseBincount
        SparseConcat SparseCountSparseOutput SparseCross SparseCrossHashed SparseCrossV2 SparseDenseCwiseAdd
        SparseDenseCwiseDiv SparseDenseCwiseMul SparseFillEmptyRows SparseFillEmptyRowsGrad SparseReduceMax
        SparseReduceMaxSparse SparseReduceSum SparseReduceSumSparse SparseReorder SparseReshape SparseSegmentMean
        SparseSegmentMeanGrad SparseSegmentMeanGradV2 SparseSegmentMeanWithNumSegments SparseSegmentSqrtN
        SparseSegmentSqrtNGrad SparseSegmentSqrtNGradV2 SparseSegmentSqrtNWithNumSegments SparseSegmentSum
        SparseSegmentSumGrad SparseSegmentSumGradV2 SparseSegmentSumWithNumSegments SparseSlice SparseSliceGrad
        SparseSoftmax SparseSparseMaximum SparseSparseMinimum SparseSplit SparseTensorDenseAdd SparseTensorDenseMatMul
        SparseToDense SparseToSparseSetOperation
        """,
    "text and records in memory": """
        AsString DecodeBase64 DecodeCSV DecodeCompressed DecodeJSONExample DecodePaddedRaw DecodeRaw EncodeBase64
        Fingerprint ParseExample ParseExampleV2 ParseSequenceExample ParseSequenceExampleV2 ParseSingleExample
        ParseSingleSequenceExample ParseTensor ReduceJoin RegexFullMatch RegexReplace SerializeTensor ShardedFilename
        ShardedFilespec StaticRegexFullMatch StaticRegexReplace StringFormat StringJoin StringLength StringLower
        StringNGrams StringSplit StringSplitV2 StringStrip StringToHashBucket StringToHashBucketFast
        StringToHashBucketStrong StringToNumber StringUpper Substr UnicodeDecode UnicodeDecodeWithOffsets UnicodeEncode
        UnicodeScript UnicodeTranscode UnsortedSegmentJoin
        """,
}

OPERATIONS: Final = frozenset(name for names in _FAMILIES.values() for name in names.split())

CHECKPOINT_READERS: Final = frozenset({"Restore", "RestoreSlice", "RestoreV2"})
"""What a saver restores variables with: allowed to the saver alone, which reads the model's own checkpoint."""

CHECKPOINT_WRITERS: Final = frozenset({"MergeV2Checkpoints", "Save", "SaveSlices", "SaveV2"})
"""What a saver saves variables with: allowed where nothing ever runs it."""
