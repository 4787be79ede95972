// Counts what a thread allocates. Only on Linux, where a program's own malloc takes the place of the C library's.
#ifndef EDGECV_ALLOCATION_COUNTER_H
#define EDGECV_ALLOCATION_COUNTER_H

#include <stdint.h>

// The bytes that this thread asked for so far.
int64_t allocated_bytes(void);

#endif
