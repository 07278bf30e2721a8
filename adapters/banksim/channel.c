/*
 * Channel: a bank on a line that stays: frames over TLS; answers go on the connection that the order came by. How they are
 * written is the speech's. What banks get wrong, these get wrong too (domain.md 3.1): every platform feedback is a 100102, and
 * a TransSerialNumber that was seen is dropped without a word.
 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "adapters/banksim/answer.h"
#include "adapters/banksim/speech.h"

#define FRAME_MAX 65536

struct channel {
  struct bank *bank;
  struct bufferevent *events; /* NULL: the connection is gone */
  int answers;                /* that still want to be sent on it */
};

/* What an answer goes out as: the order that it is about, and the channel. */
struct passage {
  struct channel *channel;
  json_t *order;
};

static SSL_CTX *tls_of_all;

static void release(struct channel *channel)
{
  if (channel->events == NULL && channel->answers == 0) free(channel);
}

/* Writes it and frees it. */
static void write_frame(struct channel *channel, struct frame frame)
{
  const struct speech *speech = channel->bank->speech;
  uint8_t head[5] = {(uint8_t)(frame.size >> 24), (uint8_t)(frame.size >> 16), (uint8_t)(frame.size >> 8), (uint8_t)frame.size};
  if (speech->digits) snprintf((char *)head, sizeof head, "%04u", (unsigned)frame.size % 10000);
  if (channel->events != NULL && frame.bytes != NULL) {
    struct evbuffer *output = bufferevent_get_output(channel->events);
    evbuffer_add(output, head + 4 - speech->head, speech->head);
    evbuffer_add(output, frame.bytes, frame.size);
  }
  free(frame.bytes);
}

static void close_channel(struct channel *channel)
{
  if (channel->events != NULL) bufferevent_free(channel->events);
  channel->events = NULL;
}

static void finish(struct answer *answer)
{
  struct passage *passage = answer->to;
  struct channel *channel = passage->channel;
  channel->answers--;
  release(channel);
  json_decref(passage->order);
  free(passage);
  answer_free(answer);
}

static void decide(struct channel *channel, json_t *order, int after_ms);

static void send_feedback(struct answer *answer)
{
  struct passage *passage = answer->to;
  struct channel *channel = passage->channel;
  const struct bank *bank = channel->bank;
  const struct speech *speech = bank->speech;
  bool taken = answer->verdict.status == 200;
  if (bank->fault == FAULT_RESET) {
    close_channel(channel);
  } else if (bank->fault == FAULT_GARBAGE) {
    write_frame(channel, (struct frame){(uint8_t *)strdup(answer->verdict.body), strlen(answer->verdict.body)});
  } else {
    struct frame feedback = taken ? speech->feedback(bank, passage->order, answer->verdict.body) : (struct frame){NULL, 0};
    if (speech->receipts || feedback.bytes == NULL) write_frame(channel, speech->receipt(bank, passage->order, taken));
    if (feedback.bytes != NULL)
      write_frame(channel, feedback);
    else if (taken) /* it is not ready yet: nobody asks again, so it says it by itself */
      decide(channel, json_incref(passage->order), 2100);
  }
  finish(answer);
}

static void decide(struct channel *channel, json_t *order, int after_ms)
{
  struct passage *passage = malloc(sizeof *passage);
  char *text = json_dumps(order, JSON_COMPACT);
  if (passage == NULL || text == NULL) abort();
  *passage = (struct passage){channel, order};
  struct answer *answer = answer_new(channel->bank, send_feedback, passage);
  channel->bank->swallows = channel->bank->speech->swallows && after_ms == 0;
  bank_decide(channel->bank, text, strlen(text), &answer->verdict);
  if (after_ms > 0) answer->verdict.delay_ms = after_ms;
  free(text);
  channel->answers++;
  if (answer->verdict.silent)
    finish(answer); /* nobody will ever be answered */
  else
    answer_later(answer);
}

static void take_frame(struct channel *channel, const uint8_t *frame, size_t size)
{
  struct frame reply = {NULL, 0};
  json_t *order = channel->bank->speech->read(channel->bank, frame, size, &reply);
  if (order != NULL)
    decide(channel, order, 0);
  else
    write_frame(channel, reply);
}

static size_t size_in(const struct speech *speech, const uint8_t head[4])
{
  size_t size = 0;
  for (unsigned i = 0; i < speech->head; i++)
    size = speech->digits ? size * 10 + (size_t)((head[i] - '0') & 15) : size << 8 | head[i];
  return size;
}

static void on_read(struct bufferevent *events, void *user)
{
  struct channel *channel = user;
  struct evbuffer *input = bufferevent_get_input(events);
  const struct speech *speech = channel->bank->speech;
  uint8_t head[4];
  while (channel->events != NULL && evbuffer_copyout(input, head, speech->head) == (ev_ssize_t)speech->head) {
    size_t size = size_in(speech, head);
    if (size == 0 || size > FRAME_MAX) {
      close_channel(channel);
      release(channel);
      return;
    }
    if (evbuffer_get_length(input) < speech->head + size) return;
    take_frame(channel, evbuffer_pullup(input, (ev_ssize_t)(speech->head + size)) + speech->head, size);
    evbuffer_drain(input, speech->head + size);
  }
}

static void on_event(struct bufferevent *events, short what, void *user)
{
  (void)events;
  if (what & BEV_EVENT_CONNECTED) return;
  close_channel(user);
  release(user);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int size, void *user)
{
  (void)address, (void)size;
  struct channel *channel = calloc(1, sizeof *channel);
  if (channel == NULL) abort();
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  channel->bank = user;
  channel->events = bufferevent_openssl_socket_new(evconnlistener_get_base(listener), fd, SSL_new(tls_of_all),
                                                   BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
  bufferevent_setcb(channel->events, on_read, NULL, on_event, channel);
  bufferevent_enable(channel->events, EV_READ | EV_WRITE);
}

int channel_listen(struct event_base *base, SSL_CTX *tls, struct bank *bank, int port)
{
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
  socklen_t size = sizeof address;
  tls_of_all = tls;
  struct evconnlistener *listener = evconnlistener_new_bind(base, on_accept, bank, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE,
                                                            -1, (struct sockaddr *)&address, (int)size);
  if (listener == NULL || getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &size) != 0) {
    fprintf(stderr, "banksim: port %d cannot be listened on\n", port);
    exit(1);
  }
  return ntohs(address.sin_port);
}
