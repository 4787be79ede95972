/* From a camera's frame to the model's input tensor: fit, resize, normalize and quantize, without malloc. */
#ifndef EDGECV_PREPROCESS_H
#define EDGECV_PREPROCESS_H

#include "edgecv_camera.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One axis of the fit, in pixels. `edgecv export micro` computes the tables for the camera's size.
 *
 * first, taken  the part of the frame that is read
 * at, shown     where the picture lies in the tensor; around it is padding
 * size          the tensor's own length
 * taps          weights for each pixel shown (Pillow's kernels)
 * start         for each pixel shown the first pixel of the part that is read for it
 * weights       taps for each pixel shown, with 22 fractional bits (Pillow's kernels)
 * share         for each pixel shown the share of the pixel after `start` (TensorFlow's bilinear)
 */
typedef struct {
    uint16_t first, taken, at, shown, size, taps;
    const uint16_t *start;
    const int32_t *weights;
    const float *share;
} edgecv_axis;

typedef struct edgecv_plan edgecv_plan;

/* Fills the rows of the tensor that show the picture. */
typedef void edgecv_scaler(const edgecv_plan *plan, const uint8_t *frame, uint8_t *tensor, uint8_t *scratch);

/*
 * Everything about one preprocessing and one camera.
 *
 * read, colors   the frame's format; `stride` is the number of bytes from one row to the next
 * to_gray        edgecv_to_gray where the model wants gray of a camera of colours, else NULL
 * read_planes    bytes of a pixel as `read` writes it: 3, or 1
 * planes         bytes of a pixel while it is resized: 3, or 1
 * channels       those of the tensor: 3, or 1
 * order          for each channel of the tensor the plane that it shows
 * table          for each channel what becomes of a byte: normalized and quantized
 * pad            for each channel what is around the picture
 * scale, offset, step, zero_point, least, most
 *                the same as numbers, for a resize that does not end in bytes (TensorFlow's bilinear)
 */
struct edgecv_plan {
    edgecv_reader *read;
    const edgecv_colors *colors;
    void (*to_gray)(uint8_t *line, uint16_t count);
    edgecv_scaler *scaler;
    uint32_t stride;
    uint8_t read_planes, planes, channels;
    uint8_t order[3];
    uint8_t pad[3];
    edgecv_axis down, across;
    const uint8_t *table[3];
    float scale[3], offset[3], step;
    int16_t zero_point, least, most;
};

/* Pillow's kernels but for "nearest", the horizontal pass first; and the vertical pass first. */
edgecv_scaler edgecv_scale_across_first, edgecv_scale_down_first;
/* One pixel for each pixel: "nearest", and pictures that keep their size. */
edgecv_scaler edgecv_scale_nearest;
/* TensorFlow's bilinear, in float32. */
edgecv_scaler edgecv_scale_tf_bilinear;

/*
 * Makes the input tensor, height x width x channels of int8_t or uint8_t.
 *
 * scratch  as many bytes as `edgecv export micro` says (EDGECV_SCRATCH_BYTES); they hold nothing afterwards
 */
void edgecv_preprocess(const edgecv_plan *plan, const uint8_t *frame, void *tensor, uint8_t *scratch);

#ifdef __cplusplus
}
#endif

#endif
