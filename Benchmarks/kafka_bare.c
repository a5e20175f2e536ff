// The Kafka library with nothing around it: what benchmarks of the connector are measured against.
// usage: kafka_bare consume|produce BROKERS TOPIC PARTITIONS COUNT; prints seconds, and processor seconds.
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "%s\n", text);
        exit(1);
    }
}

static void consume(rd_kafka_conf_t *conf, const char *name, int partitions, long count) {
    char text[256];
    set(conf, "group.id", "bare");
    // The broker of the tests answers with all it has.
    set(conf, "receive.message.max.bytes", "1000000000");
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    for (int i = 0; i < partitions; i++) rd_kafka_consume_start_queue(topic, i, RD_KAFKA_OFFSET_BEGINNING, queue);
    static rd_kafka_message_t *messages[8192];
    long seen = 0, bytes = 0;
    while (seen < count) {
        ssize_t found = rd_kafka_consume_batch_queue(queue, 10, messages, 8192);
        for (ssize_t i = 0; i < found; i++) {
            if (!messages[i]->err) {
                seen++;
                bytes += (long)messages[i]->len;
            }
            rd_kafka_message_destroy(messages[i]);
        }
    }
    if (bytes == 0) fprintf(stderr, "no bytes\n");
}

static void produce(rd_kafka_conf_t *conf, const char *name, int partitions, long count) {
    char text[256], value[256];
    set(conf, "linger.ms", "5");
    set(conf, "batch.num.messages", "10000");
    set(conf, "enable.idempotence", "true");
    set(conf, "delivery.report.only.error", "true");
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    for (long i = 0; i < count; i++) {
        int length = snprintf(value, sizeof(value), "{\"id\":%ld,\"amount\":%ld,\"name\":\"order %ld\"}", i, i % 1000, i);
        while (rd_kafka_produce(
                   topic, (int)(i % partitions), RD_KAFKA_MSG_F_COPY, value, (size_t)length, NULL, 0, NULL) != 0)
            rd_kafka_poll(client, 10);
        if (i % 1000 == 0) rd_kafka_poll(client, 0);
    }
    while (rd_kafka_outq_len(client) > 0) rd_kafka_flush(client, 1000);
}

int main(int count, char **words) {
    if (count != 6) return 64;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", words[2]);
    double start = now();
    (strcmp(words[1], "consume") == 0 ? consume : produce)(conf, words[3], atoi(words[4]), atol(words[5]));
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double processor = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("%.3f %.3f\n", now() - start, processor);
    fflush(stdout);
    _Exit(0);
}
