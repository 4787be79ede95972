#pragma once
inline void vTaskDelay(unsigned) {}
