#include "edgecv_camera.h"

#include <string.h>

const edgecv_colors edgecv_bt601_full = {0, 65536, 91881, 22554, 46802, 116130};
const edgecv_colors edgecv_bt601_video = {16, 76309, 104597, 25675, 53279, 132201};

void edgecv_read_rgb888(
    const edgecv_colors *colors, const uint8_t *row, uint16_t first, uint16_t count, uint8_t *line)
{
    (void)colors;
    memcpy(line, row + 3 * (size_t)first, 3 * (size_t)count);
}

void edgecv_read_bgr888(
    const edgecv_colors *colors, const uint8_t *row, uint16_t first, uint16_t count, uint8_t *line)
{
    const uint8_t *pixel = row + 3 * (size_t)first;
    uint16_t i;

    (void)colors;
    for (i = 0; i < count; i++, pixel += 3, line += 3) {
        line[0] = pixel[2];
        line[1] = pixel[1];
        line[2] = pixel[0];
    }
}

/* Five and six bits become eight by repeating their highest ones, so that 0 stays 0 and the most becomes 255. */
static void split_565(unsigned pixel, uint8_t *line)
{
    unsigned red = pixel >> 11, green = (pixel >> 5) & 63, blue = pixel & 31;

    line[0] = (uint8_t)(red << 3 | red >> 2);
    line[1] = (uint8_t)(green << 2 | green >> 4);
    line[2] = (uint8_t)(blue << 3 | blue >> 2);
}

void edgecv_read_rgb565le(
    const edgecv_colors *colors, const uint8_t *row, uint16_t first, uint16_t count, uint8_t *line)
{
    const uint8_t *pixel = row + 2 * (size_t)first;
    uint16_t i;

    (void)colors;
    for (i = 0; i < count; i++, pixel += 2, line += 3)
        split_565((unsigned)pixel[0] | (unsigned)pixel[1] << 8, line);
}

void edgecv_read_rgb565be(
    const edgecv_colors *colors, const uint8_t *row, uint16_t first, uint16_t count, uint8_t *line)
{
    const uint8_t *pixel = row + 2 * (size_t)first;
    uint16_t i;

    (void)colors;
    for (i = 0; i < count; i++, pixel += 2, line += 3)
        split_565((unsigned)pixel[1] | (unsigned)pixel[0] << 8, line);
}

void edgecv_read_gray8(
    const edgecv_colors *colors, const uint8_t *row, uint16_t first, uint16_t count, uint8_t *line)
{
    (void)colors;
    memcpy(line, row + first, count);
}

/* 16 fractional bits to a byte. */
static uint8_t byte_of(int32_t value)
{
    if (value < 0)
        return 0;
    value >>= 16;
    return value > 255 ? 255 : (uint8_t)value;
}

static void convert_yuv(const edgecv_colors *colors, int32_t y, int32_t u, int32_t v, uint8_t *line)
{
    int32_t light = (y - colors->black) * colors->light + 32768;

    u -= 128;
    v -= 128;
    line[0] = byte_of(light + colors->red_v * v);
    line[1] = byte_of(light - colors->green_u * u - colors->green_v * v);
    line[2] = byte_of(light + colors->blue_u * u);
}

void edgecv_read_yuyv(const edgecv_colors *colors, const uint8_t *row, uint16_t first, uint16_t count, uint8_t *line)
{
    size_t x, end = (size_t)first + count;

    for (x = first; x < end; x++, line += 3) {
        const uint8_t *pair = row + 4 * (x >> 1);
        convert_yuv(colors, pair[2 * (x & 1)], pair[1], pair[3], line);
    }
}

void edgecv_read_uyvy(const edgecv_colors *colors, const uint8_t *row, uint16_t first, uint16_t count, uint8_t *line)
{
    size_t x, end = (size_t)first + count;

    for (x = first; x < end; x++, line += 3) {
        const uint8_t *pair = row + 4 * (x >> 1);
        convert_yuv(colors, pair[1 + 2 * (x & 1)], pair[0], pair[2], line);
    }
}

void edgecv_to_gray(uint8_t *line, uint16_t count)
{
    const uint8_t *pixel = line;
    uint16_t i;

    for (i = 0; i < count; i++, pixel += 3)
        line[i] = (uint8_t)((19595UL * pixel[0] + 38470UL * pixel[1] + 7471UL * pixel[2] + 32768UL) >> 16);
}
