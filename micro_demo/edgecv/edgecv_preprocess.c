#include "edgecv_preprocess.h"

#include <string.h>

#ifdef __FAST_MATH__
#error "edgecv gives the same bits as on other devices, which -ffast-math does not"
#endif

#define BITS 22 /* Pillow's fixed point */

/* Writes a row of the frame, of the pixels that are taken, with `planes` bytes a pixel. */
static void read_row(const edgecv_plan *plan, const uint8_t *frame, size_t row, uint8_t *line)
{
    const uint8_t *begin = frame + ((size_t)plan->down.first + row) * plan->stride;

    plan->read(plan->colors, begin, plan->across.first, plan->across.taken, line);
    if (plan->to_gray)
        plan->to_gray(line, plan->across.taken);
}

/* Where in the tensor the row begins that shows the picture's row `y`. */
static uint8_t *tensor_row(const edgecv_plan *plan, uint8_t *tensor, size_t y)
{
    return tensor + ((plan->down.at + y) * plan->across.size + plan->across.at) * plan->channels;
}

/* Normalizes and quantizes a row of bytes. */
static void finish(const edgecv_plan *plan, const uint8_t *line, uint8_t *out)
{
    uint16_t x;
    uint8_t c;

    for (x = 0; x < plan->across.shown; x++, line += plan->planes)
        for (c = 0; c < plan->channels; c++)
            *out++ = plan->table[c][line[plan->order[c]]];
}

static uint8_t byte_of(int32_t sum)
{
    if (sum < 0)
        return 0;
    sum >>= BITS;
    return sum > 255 ? 255 : (uint8_t)sum;
}

/* The horizontal pass of one row. */
static void resize_across(const edgecv_plan *plan, const uint8_t *line, uint8_t *out)
{
    const edgecv_axis *axis = &plan->across;
    const int32_t *weight = axis->weights;
    uint16_t x, k;
    uint8_t c;

    for (x = 0; x < axis->shown; x++, weight += axis->taps)
        for (c = 0; c < plan->planes; c++) {
            const uint8_t *pixel = line + (size_t)axis->start[x] * plan->planes + c;
            int32_t sum = (int32_t)1 << (BITS - 1);
            for (k = 0; k < axis->taps; k++, pixel += plan->planes)
                sum += weight[k] * *pixel;
            *out++ = byte_of(sum);
        }
}

/* The vertical pass for the picture's row `y`; the frame's row r is row r % taps of `ring`. */
static void resize_down(const edgecv_plan *plan, const uint8_t *ring, size_t width, size_t y, uint8_t *out)
{
    const edgecv_axis *axis = &plan->down;
    const int32_t *weight = axis->weights + y * axis->taps;
    uint16_t first = (uint16_t)(axis->start[y] % axis->taps), k;
    size_t i;

    for (i = 0; i < width; i++) {
        int32_t sum = (int32_t)1 << (BITS - 1);
        uint16_t row = first;
        for (k = 0; k < axis->taps; k++) {
            sum += weight[k] * ring[row * width + i];
            if (++row == axis->taps)
                row = 0;
        }
        out[i] = byte_of(sum);
    }
}

/* The bytes of a line as it is read. */
static size_t line_bytes(const edgecv_plan *plan)
{
    return (size_t)plan->across.taken * plan->read_planes;
}

/* Scratch: a line as it is read, a line as it is shown, and `taps` lines as they are shown. */
void edgecv_scale_across_first(const edgecv_plan *plan, const uint8_t *frame, uint8_t *tensor, uint8_t *scratch)
{
    size_t width = (size_t)plan->across.shown * plan->planes;
    uint8_t *line = scratch, *shown = line + line_bytes(plan), *ring = shown + width;
    size_t row = plan->down.start[0], y;

    for (y = 0; y < plan->down.shown; y++) {
        for (; row < (size_t)plan->down.start[y] + plan->down.taps; row++) {
            read_row(plan, frame, row, line);
            resize_across(plan, line, ring + row % plan->down.taps * width);
        }
        resize_down(plan, ring, width, y, shown);
        finish(plan, shown, tensor_row(plan, tensor, y));
    }
}

/* Scratch: a line as it is read, a line as it is shown, and `taps` lines of the pixels that are taken. */
void edgecv_scale_down_first(const edgecv_plan *plan, const uint8_t *frame, uint8_t *tensor, uint8_t *scratch)
{
    size_t width = (size_t)plan->across.taken * plan->planes;
    uint8_t *line = scratch, *shown = line + line_bytes(plan);
    uint8_t *ring = shown + (size_t)plan->across.shown * plan->planes;
    size_t row = plan->down.start[0], y;

    for (y = 0; y < plan->down.shown; y++) {
        for (; row < (size_t)plan->down.start[y] + plan->down.taps; row++) {
            read_row(plan, frame, row, line);
            memcpy(ring + row % plan->down.taps * width, line, width);
        }
        resize_down(plan, ring, width, y, line);
        resize_across(plan, line, shown);
        finish(plan, shown, tensor_row(plan, tensor, y));
    }
}

/* Scratch: a line as it is read, and a line as it is shown. */
void edgecv_scale_nearest(const edgecv_plan *plan, const uint8_t *frame, uint8_t *tensor, uint8_t *scratch)
{
    uint8_t *line = scratch, *shown = line + line_bytes(plan);
    size_t y;
    uint16_t x;

    for (y = 0; y < plan->down.shown; y++) {
        read_row(plan, frame, plan->down.start[y], line);
        for (x = 0; x < plan->across.shown; x++)
            memcpy(
                shown + (size_t)x * plan->planes,
                line + (size_t)plan->across.start[x] * plan->planes,
                plan->planes);
        finish(plan, shown, tensor_row(plan, tensor, y));
    }
}

/* float32, rounded before anything is done with it: no fused multiply-add, no wider registers. */
static float rounded(float value)
{
    volatile float stored = value;

    return stored;
}

/* low + (high - low) * share, each of the three operations rounded. */
static float between(float low, float high, float share)
{
    return rounded(low + rounded(rounded(high - low) * share));
}

/* Normalizes and quantizes a pixel's value: two operations, a division, and the nearest whole number, half to even. */
static uint8_t quantized(const edgecv_plan *plan, uint8_t channel, float value)
{
    const float most = 1048576.0F;     /* far beyond every clamp */
    const float whole = 12582912.0F;   /* 1.5 * 2^23: numbers near it have no fraction */
    int32_t number;

    value = rounded(rounded(value * plan->scale[channel]) + plan->offset[channel]);
    value = rounded(value / plan->step);
    value = value > most ? most : value < -most ? -most : value;
    value = rounded(rounded(value + whole) - whole);
    number = (int32_t)value + plan->zero_point;
    number = number > plan->most ? plan->most : number < plan->least ? plan->least : number;
    return (uint8_t)number;
}

static void mix_rows(const edgecv_plan *plan, const uint8_t *upper, const uint8_t *lower, float down, uint8_t *out)
{
    const edgecv_axis *axis = &plan->across;
    uint16_t x;
    uint8_t c;

    for (x = 0; x < axis->shown; x++) {
        float share = axis->share[x];
        size_t left = (size_t)axis->start[x] * plan->planes, right = share > 0 ? left + plan->planes : left;
        for (c = 0; c < plan->channels; c++) {
            size_t plane = plan->order[c];
            float top = between(upper[left + plane], upper[right + plane], share);
            float bottom = between(lower[left + plane], lower[right + plane], share);
            *out++ = quantized(plan, c, between(top, bottom, down));
        }
    }
}

/* Scratch: two lines as they are read. */
void edgecv_scale_tf_bilinear(const edgecv_plan *plan, const uint8_t *frame, uint8_t *tensor, uint8_t *scratch)
{
    uint8_t *upper = scratch, *lower = scratch + line_bytes(plan);
    size_t y;

    for (y = 0; y < plan->down.shown; y++) {
        float share = plan->down.share[y];
        read_row(plan, frame, plan->down.start[y], upper);
        read_row(plan, frame, (size_t)plan->down.start[y] + (share > 0), lower);
        mix_rows(plan, upper, lower, share, tensor_row(plan, tensor, y));
    }
}

static void fill(const edgecv_plan *plan, uint8_t *out, size_t pixels)
{
    size_t i;
    uint8_t c;

    for (i = 0; i < pixels; i++)
        for (c = 0; c < plan->channels; c++)
            *out++ = plan->pad[c];
}

/* Fills what is around the picture. */
static void pad(const edgecv_plan *plan, uint8_t *tensor)
{
    const edgecv_axis *down = &plan->down, *across = &plan->across;
    size_t row = (size_t)across->size * plan->channels, y;
    size_t below = (size_t)down->at + down->shown, right = (size_t)across->at + across->shown;

    fill(plan, tensor, (size_t)down->at * across->size);
    fill(plan, tensor + below * row, (down->size - below) * across->size);
    for (y = down->at; y < below; y++) {
        fill(plan, tensor + y * row, across->at);
        fill(plan, tensor + y * row + right * plan->channels, across->size - right);
    }
}

void edgecv_preprocess(const edgecv_plan *plan, const uint8_t *frame, void *tensor, uint8_t *scratch)
{
    pad(plan, tensor);
    plan->scaler(plan, frame, tensor, scratch);
}
