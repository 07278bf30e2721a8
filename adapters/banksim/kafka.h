/* Kafka: an institution that takes its orders from orders.CODE and answers on holdfast.answers
 * (adapters/protobuf_kafka/README.md). */
#ifndef HF_BANKSIM_KAFKA_H
#define HF_BANKSIM_KAFKA_H

struct bank;
struct event_base;

/* Ends the program where Kafka cannot be used. */
void kafka_open(struct event_base *base, const char *brokers, struct bank *bank);

#endif
