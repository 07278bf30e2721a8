/* Prints engine/core/order.md from the life cycles' tables, so that the page cannot say anything else. */
#include <stdio.h>

#include "engine/core/hold.h"

struct machine {
  const char *title;
  int states, events;
  const char *(*state)(int state);
  const char *(*event)(int event);
  /* What the cell says: where it moves to, NULL: it stays; the reason of staying or of being impossible. */
  const char *(*cell)(int state, int event, int *move, bool *impossible, bool *anomaly);
  bool (*is_end)(int state);
};

static const char *order_state(int state)
{
  return hf_order_state_code((enum hf_order_state)state);
}

static const char *order_event(int event)
{
  return hf_order_event_code((enum hf_order_event)event);
}

static const char *read_order(enum hf_action action, int state, int event, int *move, bool *impossible, bool *anomaly)
{
  const struct hf_order_cell *cell = hf_order_cell(action, (enum hf_order_state)state, (enum hf_order_event)event);
  *move = (int)cell->move;
  *impossible = cell->impossible != NULL;
  *anomaly = cell->contradiction;
  return cell->impossible != NULL ? cell->impossible : cell->ignored;
}

static const char *order_cell(int state, int event, int *move, bool *impossible, bool *anomaly)
{
  return read_order(HF_ACTION_STOP, state, event, move, impossible, anomaly);
}

static const char *monitor_cell(int state, int event, int *move, bool *impossible, bool *anomaly)
{
  return read_order(HF_ACTION_MONITOR, state, event, move, impossible, anomaly);
}

static bool order_is_end(int state)
{
  return hf_order_state_is_final((enum hf_order_state)state);
}

static const char *hold_state(int state)
{
  return state == 0 ? "none" : hf_hold_state_code((enum hf_hold_state)state);
}

static const char *hold_event(int event)
{
  return hf_hold_event_code((enum hf_hold_event)event);
}

static const char *hold_cell(int state, int event, int *move, bool *impossible, bool *anomaly)
{
  const struct hf_hold_cell *cell = hf_hold_cell((enum hf_hold_state)state, (enum hf_hold_event)event);
  *move = (int)cell->move;
  *impossible = cell->impossible != NULL;
  *anomaly = false;
  return cell->impossible != NULL ? cell->impossible : cell->ignored;
}

static bool never(int state)
{
  (void)state;
  return false;
}

static void print_machine(const struct machine *machine, int first)
{
  printf("\n## %s\n\n| state |", machine->title);
  for (int event = 0; event < machine->events; event++) printf(" %s |", machine->event(event));
  printf("\n|---|");
  for (int event = 0; event < machine->events; event++) printf("---|");
  for (int state = first; state < machine->states; state++) {
    printf("\n| **%s**%s |", machine->state(state), machine->is_end(state) ? " (end)" : "");
    for (int event = 0; event < machine->events; event++) {
      int move;
      bool impossible, anomaly;
      const char *why = machine->cell(state, event, &move, &impossible, &anomaly);
      if (move != 0)
        printf(" → %s |", machine->state(move));
      else
        printf(" %s%s |", impossible ? "impossible: " : anomaly ? "kept as an anomaly: " : "stays: ", why);
    }
  }
  puts("\n\n```mermaid\nstateDiagram-v2");
  for (int state = first; state < machine->states; state++)
    for (int event = 0; event < machine->events; event++) {
      int move;
      bool impossible, anomaly;
      (void)machine->cell(state, event, &move, &impossible, &anomaly);
      if (move != 0) printf("  %s --> %s: %s\n", machine->state(state), machine->state(move), machine->event(event));
    }
  puts("```");
}

int main(void)
{
  static const struct machine orders = {"Orders",    HF_ORDER_STATE_COUNT, HF_ORDER_EVENT_COUNT, order_state,
                                        order_event, order_cell,           order_is_end},
                              monitors = {"Live monitors", HF_ORDER_STATE_COUNT, HF_ORDER_EVENT_COUNT, order_state,
                                          order_event,     monitor_cell,         order_is_end},
                              holds = {"Holds", HF_HOLD_STATE_COUNT, HF_HOLD_EVENT_COUNT, hold_state, hold_event, hold_cell,
                                       never};
  puts(
      "# The life cycles\n\nGenerated from the tables in order.c and hold.c by tests/lint/order_table.c; a test fails when "
      "this page is stale.\n"
      "An order begins as a draft or as ready; a hold as none.");
  print_machine(&orders, 1);
  print_machine(&monitors, 1);
  print_machine(&holds, 0);
  return 0;
}
