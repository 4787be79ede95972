// What an Arduino sketch finds without an include, and the one header that it names.
#pragma once

#include <cstdint>

struct SerialPort {
    void begin(unsigned long) {}
    void println(const char *) {}
};
static SerialPort Serial;
inline void delay(unsigned long) {}
