#pragma once
#include <librdkafka/rdkafka.h>

/// Puts a copy of a record into a producer's queue: `rd_kafka_producev` takes its arguments in a way that Swift cannot
/// write. A null key is none, a null value a tombstone; `millis` 0 is the time of the call, `partition` -1 lets the
/// partitioner choose. `headers` may be null; they pass to the library when the call succeeds.
static inline rd_kafka_resp_err_t laminar_kafka_produce(
    rd_kafka_t *client, rd_kafka_topic_t *topic, int32_t partition, const void *key, size_t key_length,
    const void *value, size_t value_length, int64_t millis, rd_kafka_headers_t *headers)
{
    if (headers)
        return rd_kafka_producev(
            client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_length),
            RD_KAFKA_V_VALUE((void *)value, value_length), RD_KAFKA_V_TIMESTAMP(millis),
            RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    return rd_kafka_producev(
        client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(key, key_length), RD_KAFKA_V_VALUE((void *)value, value_length),
        RD_KAFKA_V_TIMESTAMP(millis), RD_KAFKA_V_END);
}
