#include "edgecv_example.h"

#include "edgecv_tflm.h"

#include <stdio.h>

static uint8_t scratch[EDGECV_SCRATCH_BYTES];
static float scores[EDGECV_MOST_SCORES];
static uint16_t decisions[EDGECV_MOST_DECISIONS];
static char line[160];
static edgecv_print *printer;

static void report(const char *name, const char *part, uint32_t wrong)
{
    snprintf(line, sizeof line, "%s %s: %s (%lu wrong)", name, part, wrong ? "FAILED" : "passed", (unsigned long)wrong);
    printer(line);
}

uint32_t edgecv_start(edgecv_print *print)
{
    const char *wrong = edgecv_begin();
    edgecv_board board = {NULL, scratch, scores, decisions, edgecv_invoke, edgecv_output, report};
    uint32_t failed;

    if (wrong) {
        print(wrong);
        return 1;
    }
    printer = print;
    board.tensor = edgecv_input();
    failed = edgecv_run_self_test(&edgecv_model_self_test, &board);
    snprintf(
        line, sizeof line, "self-test: %lu parts failed; %lu of %lu bytes of the arena are used", (unsigned long)failed,
        (unsigned long)edgecv_arena_used(), (unsigned long)EDGECV_ARENA_BYTES);
    print(line);
    return failed;
}

/* A score in thousandths: many C libraries of microcontrollers print no floats. */
static long thousandths(float score)
{
    return (long)(score * 1000.0F + (score < 0 ? -0.5F : 0.5F));
}

/* The line of a head: the best scores, or all numbers of a regression as far as they go. */
static void print_head(const edgecv_head *head, const void *tensor, edgecv_print *print)
{
    uint16_t best[3], count = edgecv_score_count(head), found, i;
    size_t at;

    edgecv_scores(head, tensor, scores);
    found = edgecv_top(scores, count, 3, best);
    at = (size_t)snprintf(line, sizeof line, "%s:", head->title);
    for (i = 0; i < found && at < sizeof line; i++) {
        uint16_t which = head->kind == EDGECV_REGRESSION ? i : best[i];
        const char *label = edgecv_label(head, which);
        if (*label)
            at += (size_t)snprintf(line + at, sizeof line - at, " %s", label);
        else
            at += (size_t)snprintf(line + at, sizeof line - at, " %u", (unsigned)which);
        if (at < sizeof line)
            at += (size_t)snprintf(line + at, sizeof line - at, " %ld/1000", thousandths(scores[which]));
    }
    print(line);
}

int edgecv_answer(const uint8_t *frame, edgecv_print *print)
{
    uint16_t h;

    edgecv_preprocess(&edgecv_model_plan, frame, edgecv_input(), scratch);
    if (edgecv_invoke() != 0)
        return 1;
    for (h = 0; h < EDGECV_HEADS; h++)
        print_head(&edgecv_model_heads[h], edgecv_output(edgecv_model_heads[h].output), print);
    return 0;
}

const uint8_t *edgecv_sample_frame(uint32_t number)
{
    return edgecv_model_self_test.cases[number % edgecv_model_self_test.case_count].frame;
}
