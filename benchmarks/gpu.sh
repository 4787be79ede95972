#!/bin/sh
# The GPU as the reference of five networks, in three steps of which only the second needs the GPU, for under ten minutes.
#
#   benchmarks/gpu.sh prepare     here, with the converters: five bundles (ONNX and TFLite; float32, float16 and int8), each
#                                 proven on its evaluation samples, and those samples, in build/gpu
#   benchmarks/gpu.sh measure     there: ONNX float32 and float16 on CUDA and on the CPU, side by side; the answers and
#                                 latencies of float32 on the GPU become NAME.reference.json. Needs edgecv's runtime
#                                 with onnxruntime-gpu ("edgecv[onnx-gpu]"), and no TensorFlow
#   benchmarks/gpu.sh compare     here again: every artifact against the recorded reference
#
# Without a GPU `measure` ends with an error, unless it is a rehearsal: with --cpu after the step ONNX Runtime's CPU takes the
# place of CUDA, and the results, which say so, go to build/gpu/rehearsal.
set -eu
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-.venv/bin/python}
WORK=build/gpu
RESULTS=benchmarks/results/gpu
NETWORKS=${NETWORKS:-"resnet8 cifar_cnn MobileNetV2 EfficientNetB0 ResNet50V2"}
SECONDS_A_ROW=${SECONDS_A_ROW:-2}

edgecv() {
    "$PYTHON" -m edgecv "$@"
}

prepare() {
    mkdir -p "$WORK"
    for name in $NETWORKS; do
        [ -d "$WORK/$name.edgecv" ] || "$PYTHON" -m benchmarks.gpu_bundles "$name" "$WORK"
    done
    du -sh "$WORK"
}

measure() {
    backends="--backend onnx-cuda --backend onnx"
    if [ -n "$REHEARSAL" ]; then
        backends="--backend onnx"
    elif ! nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null; then
        echo "error: there is no GPU here" >&2
        echo "hint: benchmarks/gpu.sh measure --cpu rehearses it on the CPU" >&2
        exit 1
    fi
    mkdir -p "$RESULTS"
    for name in $NETWORKS; do
        # shellcheck disable=SC2086 # several options
        edgecv bench "$WORK/$name.edgecv" --data "$WORK/$name.npz" --target onnx $backends --threads 1 --no-peak \
            --seconds "$SECONDS_A_ROW" --record-reference "$RESULTS/$name.reference.json" --json --force \
            >"$RESULTS/$name.measured.json"
        echo "$name: $RESULTS/$name.reference.json"
    done
}

compare() {
    for name in $NETWORKS; do
        edgecv bench "$WORK/$name.edgecv" --data "$WORK/$name.npz" --threads 1 --no-peak --seconds "$SECONDS_A_ROW" \
            --reference "$RESULTS/$name.reference.json" --json --force >"$RESULTS/$name.compared.json"
        edgecv bench --import "$RESULTS/$name.compared.json" --markdown
    done
}

REHEARSAL=
if [ "${2:-}" = --cpu ]; then
    REHEARSAL=1
    RESULTS=$WORK/rehearsal
fi
case "${1:-}" in
prepare) prepare ;;
measure) measure ;;
compare) compare ;;
*)
    sed -n '2,13s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
