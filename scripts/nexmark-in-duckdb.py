"""Prints the final rows of a Nexmark query over the fixture, as DuckDB computes them, as CSV without a header.

Usage: nexmark-in-duckdb.py EVENTS.jsonl.zst q9|q11|q16|q20|q22
"""

import csv
import sys

import duckdb

TIME = "strftime({}, '%Y-%m-%dT%H:%M:%S.%gZ')"

QUERIES = {
    "q9": f"""
        SELECT id, item_name, seller, category, bidder, price, {TIME.format('bid_time')} FROM (
            SELECT a.auction.id AS id, a.auction.item_name AS item_name, a.auction.seller AS seller,
                a.auction.category AS category, b.bid.bidder AS bidder, b.bid.price AS price,
                b.bid.datetime AS bid_time,
                row_number() OVER (PARTITION BY a.auction.id ORDER BY b.bid.price DESC, b.bid.datetime) AS place
            FROM events a JOIN events b ON a.auction.id = b.bid.auction
            WHERE b.bid.datetime BETWEEN a.auction.datetime AND a.auction.expires)
        WHERE place = 1""",
    # A session begins with a bid that has none in the second before it.
    "q11": f"""
        WITH bids AS (SELECT bid.bidder AS bidder, bid.datetime AS time FROM events WHERE bid IS NOT NULL),
        starts AS (SELECT *, coalesce(time - lag(time) OVER (PARTITION BY bidder ORDER BY time)
            >= INTERVAL 1 SECOND, true) AS is_start FROM bids),
        sessions AS (SELECT *, sum(is_start::INT) OVER (PARTITION BY bidder ORDER BY time) AS number FROM starts)
        SELECT bidder, count(*), {TIME.format('min(time)')}, {TIME.format('max(time) + INTERVAL 1 SECOND')}
        FROM sessions GROUP BY bidder, number""",
    "q16": """
        SELECT bid.channel, CAST(date_trunc('day', bid.datetime) AS DATE), max(strftime(bid.datetime, '%H:%M')),
            count(*),
            count(*) FILTER (WHERE bid.price < 10000),
            count(*) FILTER (WHERE bid.price >= 10000 AND bid.price < 1000000),
            count(*) FILTER (WHERE bid.price >= 1000000),
            count(DISTINCT bid.bidder),
            count(DISTINCT bid.bidder) FILTER (WHERE bid.price < 10000),
            count(DISTINCT bid.auction),
            count(DISTINCT bid.auction) FILTER (WHERE bid.price >= 1000000)
        FROM events WHERE bid IS NOT NULL GROUP BY 1, 2""",
    "q20": f"""
        SELECT b.bid.auction, b.bid.bidder, b.bid.price, b.bid.channel, {TIME.format('b.bid.datetime')},
            a.auction.item_name, a.auction.initial_bid, a.auction.reserve, a.auction.seller
        FROM events b JOIN events a ON b.bid.auction = a.auction.id WHERE a.auction.category = 10""",
    "q22": """
        SELECT bid.auction, bid.bidder, bid.price, bid.channel, split_part(bid.url, '/', 4),
            split_part(bid.url, '/', 5), split_part(bid.url, '/', 6)
        FROM events WHERE bid IS NOT NULL""",
}


def main():
    path, query = sys.argv[1:]
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(
        """CREATE TABLE events AS SELECT * FROM read_json(?, format = 'newline_delimited', compression = 'zstd', columns = {
            auction: 'STRUCT(id BIGINT, item_name TEXT, initial_bid BIGINT, reserve BIGINT, datetime TIMESTAMP,
                expires TIMESTAMP, seller BIGINT, category BIGINT)',
            bid: 'STRUCT(auction BIGINT, bidder BIGINT, price BIGINT, channel TEXT, url TEXT, datetime TIMESTAMP)'})""",
        [path])
    csv.writer(sys.stdout, lineterminator="\n").writerows(connection.execute(QUERIES[query]).fetchall())


main()
