/* The least that a program needs on an emulated Cortex-M board whose memory is loaded from the ELF file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern uint32_t stack_end, bss_begin, bss_end;
extern void initialise_monitor_handles(void);
extern int main(void);

void reset(void)
{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88 |= 0xFU << 20; /* CPACR: the coprocessors 10 and 11 are the floating-point unit */
    __asm volatile("dsb\nisb");
#endif
    memset(&bss_begin, 0, (size_t)((char *)&bss_end - (char *)&bss_begin));
    initialise_monitor_handles();
    exit(main());
}

/* The C library calls them around what a program leaves to its start and end: nothing here. */
void _init(void) {}
void _fini(void) {}

static void fault(void)
{
    abort();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    &stack_end, reset, fault, fault, fault, fault, fault,
};
