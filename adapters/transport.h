/*
 * Transport: how bytes travel to an institution and back. The only users of sockets, TLS and producers.
 *
 * Thread: the loop's; callbacks come inside the transport's own events and must not call back into it (they note, and the
 *         daemon's turn acts).
 * Bounds: one message per slot; slots are dispatch's. Connections and handshakes per turn are bounded (tech.md 1.10).
 */
#ifndef HF_ADAPTERS_TRANSPORT_H
#define HF_ADAPTERS_TRANSPORT_H

#include "adapters/dialect.h"
#include "engine/core/fact.h"

struct event_base;

struct hf_transport_events {
  void *owner;
  /* The last byte of the slot's message has been handed to the kernel. */
  void (*left)(void *owner, uint32_t slot, struct hf_time at);
  /* A whole reply is here, valid during the call. */
  void (*replied)(void *owner, uint32_t slot, const struct hf_reply *reply, struct hf_time at);
  /* A whole message of institution `index` is here that belongs to no slot: many orders share its connection. False: there is
   * no room to check it now; a transport that can, offers it again. */
  bool (*heard)(void *owner, uint32_t index, struct hf_span body, struct hf_time at);
  /* No reply will come. left: the institution may have the message. */
  void (*failed)(void *owner, uint32_t slot, enum hf_outcome outcome, bool left, struct hf_time at);
};

/* What leaves. */
struct hf_parcel {
  const char *path, *content_type; /* https */
  struct hf_span headers;          /* https: lines, with a NUL behind; else what follows the body */
  struct hf_span body;
  const struct hf_order *order; /* kafka: its case is the record's key; filedrop: the dialect names the file after it */
};

struct hf_transport_config {
  const char *certificate_file; /* the centre's client certificate and key, PEM */
  const char *key_file;
  const char *ca_file; /* who signs institutions' certificates */
  uint32_t slots_count;
  const char *brokers; /* kafka */
  const char *drop;    /* filedrop: the folder of all institutions' folders; "none" */
};

struct hf_transport {
  const char *name;
  struct hf_status (*open)(void **self, struct event_base *base, const struct hf_transport_config *config,
                           const struct hf_transport_events *events);
  void (*close)(void *self);
  /* Makes institution `index` reachable, or changes it; opens its connections ahead of need. */
  struct hf_status (*institution)(void *self, uint32_t index, const struct hf_institution *row,
                                  const struct hf_dialect *dialect);
  /*
   * Starts sending; headers and body must stay until the slot has an outcome. AGAIN where no
   * connection is free and none may be opened in this turn: nothing was sent, offer again.
   */
  struct hf_status (*send)(void *self, uint32_t index, uint32_t slot, const struct hf_parcel *parcel);
  /* Ends the slot's exchange without an outcome; what has not left does not leave any more. */
  void (*cancel)(void *self, uint32_t slot);
  /* Once per turn of the loop: gives the turn its budget of handshakes, opens warm connections. Returns work left to do. */
  bool (*work)(void *self, struct hf_time now);
  /* Connections open to the institution, and how many are wanted. */
  void (*warmth)(void *self, uint32_t index, uint32_t *open, uint32_t *wanted);
};

extern const struct hf_transport hf_transport_filedrop;
extern const struct hf_transport hf_transport_https;
extern const struct hf_transport hf_transport_kafka;
extern const struct hf_transport hf_transport_tcp;

#endif
