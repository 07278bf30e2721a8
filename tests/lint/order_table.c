/* Prints engine/core/order.md from the life cycle's table, so that the page cannot say anything else. */
#include <stdio.h>

#include "engine/core/order.h"

int main(void)
{
  puts(
      "# An order's life cycle\n\nGenerated from the table in order.c by tests/lint/order_table.c; a test fails when this page "
      "is stale.\n");
  printf("| state |");
  for (int event = 0; event < HF_ORDER_EVENT_COUNT; event++) printf(" %s |", hf_order_event_code((enum hf_order_event)event));
  printf("\n|---|");
  for (int event = 0; event < HF_ORDER_EVENT_COUNT; event++) printf("---|");
  for (int state = 1; state < HF_ORDER_STATE_COUNT; state++) {
    printf("\n| **%s**%s |", hf_order_state_code((enum hf_order_state)state),
           hf_order_state_is_final((enum hf_order_state)state) ? " (end)" : "");
    for (int event = 0; event < HF_ORDER_EVENT_COUNT; event++) {
      const struct hf_order_cell *cell = hf_order_cell((enum hf_order_state)state, (enum hf_order_event)event);
      if (cell->move != HF_ORDER_UNSET)
        printf(" → %s |", hf_order_state_code(cell->move));
      else if (cell->impossible != NULL)
        printf(" impossible: %s |", cell->impossible);
      else
        printf(" %s%s |", cell->contradiction ? "kept as an anomaly: " : "stays: ", cell->ignored);
    }
  }
  puts("\n\n```mermaid\nstateDiagram-v2\n  [*] --> ready");
  for (int state = 1; state < HF_ORDER_STATE_COUNT; state++)
    for (int event = 0; event < HF_ORDER_EVENT_COUNT; event++) {
      const struct hf_order_cell *cell = hf_order_cell((enum hf_order_state)state, (enum hf_order_event)event);
      if (cell->move != HF_ORDER_UNSET)
        printf("  %s --> %s: %s\n", hf_order_state_code((enum hf_order_state)state), hf_order_state_code(cell->move),
               hf_order_event_code((enum hf_order_event)event));
    }
  puts("```");
  return 0;
}
