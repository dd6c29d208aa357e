"""Write a data set as TFRecord or Parquet files, which `beam_encode.py` reads.

    python examples/serving/write_examples.py mnist --split train+test \
      --output data/mnist --format parquet --num-shards 8

DATASET is what `vae_zoo.datasets.load` takes. An example is its `key`, the position in
the data set, and `inputs`, the image's numbers row by row as floats.
"""

import argparse
import contextlib
import os

import pyarrow
import pyarrow.parquet
import tensorflow as tf

import vae_zoo

BATCH_SIZE = 250
SCHEMA = pyarrow.schema(
    [("key", pyarrow.string()), ("inputs", pyarrow.list_(pyarrow.float32()))]
)


class TFRecordFile:
    """A TFRecord file of tf.train.Example."""

    def __init__(self, path):
        self._writer = tf.io.TFRecordWriter(path)

    def write(self, keys, rows):
        """Appends an example for each key and row."""
        for key, row in zip(keys, rows, strict=True):
            example = tf.train.Example()
            example.features.feature["key"].bytes_list.value.append(key.encode())
            example.features.feature["inputs"].float_list.value.extend(row)
            self._writer.write(example.SerializeToString())

    def close(self):
        """Ends the file."""
        self._writer.close()


class ParquetFile:
    """A Parquet file with the columns `key` and `inputs`."""

    def __init__(self, path):
        self._writer = pyarrow.parquet.ParquetWriter(path, SCHEMA)

    def write(self, keys, rows):
        """Appends a row group."""
        table = pyarrow.table({"key": keys, "inputs": list(rows)}, schema=SCHEMA)
        self._writer.write_table(table)

    def close(self):
        """Ends the file."""
        self._writer.close()


FILES = {"tfrecord": TFRecordFile, "parquet": ParquetFile}


def write_examples(batches, prefix, num_shards, file_format):
    """Writes `<prefix>-00000-of-…`, batch by batch in turn; returns how many examples.

    Args:
        batches: arrays [B, *shape].
        prefix: path that the files' names start with; its folder is made.
        num_shards: how many files.
        file_format: "tfrecord" or "parquet".
    """
    os.makedirs(os.path.dirname(prefix) or ".", exist_ok=True)
    count = 0
    with contextlib.ExitStack() as stack:
        files = [
            FILES[file_format](f"{prefix}-{i:05d}-of-{num_shards:05d}.{file_format}")
            for i in range(num_shards)
        ]
        for file in files:
            stack.callback(file.close)
        for step, x in enumerate(batches):
            keys = [f"{count + row:09d}" for row in range(len(x))]
            files[step % num_shards].write(keys, x.reshape(len(x), -1))
            count += len(x)
    return count


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset")
    parser.add_argument("--split", default="train")
    parser.add_argument("--binarize", choices=["fixed"], default=None)
    parser.add_argument("--data-dir", default=None, help="where TFDS keeps its data")
    parser.add_argument("--output", required=True, help="what its files start with")
    parser.add_argument("--format", choices=FILES, default="tfrecord")
    parser.add_argument("--num-shards", type=int, default=8)
    options = parser.parse_args(arguments)
    data = vae_zoo.datasets.load(
        options.dataset,
        options.split,
        BATCH_SIZE,
        binarize=options.binarize,
        labels=False,
        shuffle=False,
        data_dir=options.data_dir,
    )
    count = write_examples(
        data.as_numpy_iterator(), options.output, options.num_shards, options.format
    )
    print(f"{count} examples")


if __name__ == "__main__":
    main()
