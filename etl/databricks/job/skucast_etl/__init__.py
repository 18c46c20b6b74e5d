"""The ETL of skucast as a Spark job: one dropped file in, sales in Parquet out.

What a file means (header, separator, order of dates, decimal mark, frequency, origin) is
decided here exactly as the Go driver decides it; vectors.json beside the tests holds both
to the same cases. What happens to each row is the shared SQL, which travels in sql/.
"""


def main():
    """What the job's task calls."""
    from .__main__ import main as run

    run()
