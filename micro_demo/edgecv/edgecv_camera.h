/* Rows of a camera's frame as red, green and blue, or as gray: one reader a format. */
#ifndef EDGECV_CAMERA_H
#define EDGECV_CAMERA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The whole numbers with which Y, U and V become red, green and blue (docs/preprocessing.md, "Camera frames"). */
typedef struct {
    int32_t black, light, red_v, green_u, green_v, blue_u;
} edgecv_colors;

/* BT.601 with the full range 0..255, and with the video range 16..235. */
extern const edgecv_colors edgecv_bt601_full, edgecv_bt601_video;

/*
 * Reads `count` pixels of a row, from the pixel `first` on.
 * `row` is where the row begins in the frame; `colors` is read by the formats with Y, U and V alone.
 * Writes R, G, B for each pixel; `edgecv_read_gray8` writes one byte for each.
 */
typedef void edgecv_reader(
    const edgecv_colors *colors, const uint8_t *row, uint16_t first, uint16_t count, uint8_t *line);

edgecv_reader edgecv_read_rgb888;   /* 3 bytes: R, G, B */
edgecv_reader edgecv_read_bgr888;   /* 3 bytes: B, G, R */
edgecv_reader edgecv_read_rgb565le; /* 2 bytes: RRRRRGGG GGGBBBBB, the low byte first */
edgecv_reader edgecv_read_rgb565be; /* the same, the high byte first, as most cameras send it */
edgecv_reader edgecv_read_gray8;    /* 1 byte */
edgecv_reader edgecv_read_yuyv;     /* 4 bytes for two pixels: Y, U, Y, V */
edgecv_reader edgecv_read_uyvy;     /* 4 bytes for two pixels: U, Y, V, Y */

/* Turns `count` pixels of R, G, B into as many of gray, in place. */
void edgecv_to_gray(uint8_t *line, uint16_t count);

#ifdef __cplusplus
}
#endif

#endif
