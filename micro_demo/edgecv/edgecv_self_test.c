#include "edgecv_self_test.h"

#include <string.h>

static uint32_t differing_bytes(const void *left, const void *right, uint32_t count)
{
    const uint8_t *a = left, *b = right;
    uint32_t wrong = 0, i;

    for (i = 0; i < count; i++)
        wrong += a[i] != b[i];
    return wrong;
}

/* Whether two floats are equal or neighbours: an exponential may be rounded otherwise elsewhere. */
static int is_near(float left, float right)
{
    int32_t a, b;

    memcpy(&a, &left, sizeof a);
    memcpy(&b, &right, sizeof b);
    return left == right || ((a < 0) == (b < 0) && a - b <= 1 && b - a <= 1);
}

/* Reads all heads of some outputs; returns how many scores (where they are wanted) and decisions are wrong. */
static uint32_t read_heads(
    const edgecv_self_test *test, const edgecv_board *board, const edgecv_case *one, int recorded, int with_scores)
{
    const float *scores = one->scores;
    const uint16_t *decisions = one->decisions;
    uint32_t wrong = 0;
    uint16_t h, i;

    for (h = 0; h < test->head_count; h++) {
        const edgecv_head *head = &test->heads[h];
        const void *tensor = recorded ? one->outputs[head->output] : board->output(head->output);
        uint16_t count = edgecv_score_count(head), decided;
        edgecv_scores(head, tensor, board->scores);
        decided = edgecv_decide(head, tensor, board->scores, board->decisions);
        for (i = 0; i < count && with_scores; i++)
            wrong += !is_near(board->scores[i], scores[i]);
        for (i = 0; i < decided; i++)
            wrong += board->decisions[i] != decisions[i];
        scores += count;
        decisions += decided;
    }
    return wrong;
}

/* Runs the model; returns how many numbers of its outputs are wrong, all of them where it does not run. */
static uint32_t run_model(const edgecv_self_test *test, const edgecv_board *board, const edgecv_case *one)
{
    uint32_t wrong = 0;
    uint16_t place;
    int failed;

    memcpy(board->tensor, one->tensor, test->tensor_bytes);
    failed = board->invoke();
    for (place = 0; place < test->output_count; place++)
        wrong += failed ? test->output_bytes[place]
                        : differing_bytes(board->output(place), one->outputs[place], test->output_bytes[place]);
    return wrong;
}

static uint32_t told(const edgecv_board *board, const edgecv_case *one, const char *part, uint32_t wrong)
{
    board->report(one->name, part, wrong);
    return wrong > 0;
}

uint32_t edgecv_run_self_test(const edgecv_self_test *test, const edgecv_board *board)
{
    uint32_t failed = 0;
    uint16_t i;

    for (i = 0; i < test->case_count; i++) {
        const edgecv_case *one = &test->cases[i];
        edgecv_preprocess(test->plan, one->frame, board->tensor, board->scratch);
        failed += told(board, one, "tensor", differing_bytes(board->tensor, one->tensor, test->tensor_bytes));
        failed += told(board, one, "heads", read_heads(test, board, one, 1, 1));
        if (!board->invoke)
            continue;
        failed += told(board, one, "model", run_model(test, board, one));
        failed += told(board, one, "decisions", read_heads(test, board, one, 0, 0));
    }
    return failed;
}
