#pragma once
inline int k_msleep(int) { return 0; }
