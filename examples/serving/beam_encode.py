"""Run a signature of a SavedModel on a data set of any size, with Apache Beam.

    python examples/serving/beam_encode.py savedmodels/vae_mnist/1 \
      --examples 'data/mnist-*.tfrecord' --output encoded/mnist
    python examples/serving/beam_encode.py savedmodels/vae_mnist/1 --signature score \
      --examples 'data/mnist-*.parquet' --output scores/mnist --batch-size 64

Examples are TFRecord files of tf.train.Example, or Parquet files. Each has a `key` and,
by the name of an input of the signature, its numbers: floats, or bytes that stand for
byte / 255. Each answer has the key and the outputs, row by row; shards are in no order.
Seeds are made from the key, so draws do not depend on the rest of a batch.

All other options are Beam's own, such as --runner. A worker needs Beam, TensorFlow and
the SavedModel; this file does not use vae_zoo.
"""

import argparse
import hashlib
import math
import os

import apache_beam as beam
import numpy as np
import pyarrow
import tensorflow as tf
from apache_beam.ml.inference.base import KeyedModelHandler, ModelHandler, RunInference
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow.core.protobuf import saved_model_pb2


class SignatureHandler(ModelHandler):
    """Runs one signature on batches of rows, dicts input name -> array."""

    def __init__(self, saved_model, signature, batch_size):
        super().__init__(min_batch_size=batch_size, max_batch_size=batch_size)
        self.saved_model, self.signature = saved_model, signature

    def load_model(self):
        """The SavedModel, once for each worker process."""
        return tf.saved_model.load(self.saved_model)

    def run_inference(self, batch, model, inference_args=None):
        """A dict output name -> array for each row."""
        function = model.signatures[self.signature]
        inputs = {
            name: tf.constant(np.stack([row[name] for row in batch]))
            for name in function.structured_input_signature[1]
        }
        outputs = {name: value.numpy() for name, value in function(**inputs).items()}
        return [
            {name: value[row] for name, value in outputs.items()}
            for row in range(len(batch))
        ]

    def get_num_bytes(self, batch):
        """For Beam's metrics."""
        return sum(array.nbytes for row in batch for array in row.values())


def signature_definition(saved_model, signature):
    """The `SignatureDef` of a signature; the model is not loaded."""
    proto = saved_model_pb2.SavedModel()
    with tf.io.gfile.GFile(os.path.join(saved_model, "saved_model.pb"), "rb") as file:
        proto.ParseFromString(file.read())
    definitions = proto.meta_graphs[0].signature_def
    if signature not in definitions:
        known = sorted(name for name in definitions if not name.startswith("__"))
        raise ValueError(f"`--signature` must be one of {known}. Received: {signature}")
    return definitions[signature]


def from_example(serialized, **arguments):
    """(key, row) of a serialized tf.train.Example; see `row_of`."""
    features, values = tf.train.Example.FromString(serialized).features.feature, {}
    for name, feature in features.items():
        kind = feature.WhichOneof("kind")
        stored = getattr(feature, kind).value if kind else ()
        is_bytes = kind == "bytes_list" and len(stored) == 1
        values[name] = stored[0] if is_bytes else np.asarray(stored)
    return row_of(values, **arguments)


def row_of(values, shapes, columns, key, seed):
    """(key, row) of a stored example.

    Args:
        values: dict, column name -> numbers or bytes.
        shapes: input name -> its shape in a row.
        columns: input name -> column name, where they differ.
        key: the column of the key.
        seed: int, for other draws.
    """
    identity = values.get(key)
    if identity is None:
        raise ValueError(f"An example must have `{key}`. Received: {sorted(values)}")
    if isinstance(identity, np.ndarray):
        identity = identity.item()
    identity = identity.decode() if isinstance(identity, bytes) else str(identity)
    row = {}
    for name, shape in shapes.items():
        if name == "seeds":
            row[name] = seeds_of(identity, seed)
            continue
        column = columns.get(name, name)
        stored = values.get(column, ())
        if isinstance(stored, bytes):
            stored = np.frombuffer(stored, np.uint8) / 255
        array = np.asarray(stored, np.float32)
        if array.size != math.prod(shape):
            raise ValueError(
                f"`{column}` must be {math.prod(shape)} numbers, {list(shape)}. "
                f"Received: {array.size} in the example {identity!r}"
            )
        row[name] = array.reshape(shape)
    return identity, row


def seeds_of(key, seed):
    """Two int32 from a key, the same on every machine."""
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return np.frombuffer(digest, "<i4", count=2).astype(np.int32)


def to_example(answer):
    """A serialized tf.train.Example of (key, outputs)."""
    key, outputs = answer
    example = tf.train.Example()
    example.features.feature["key"].bytes_list.value.append(key.encode())
    for name, array in outputs.items():
        feature = example.features.feature[name]
        integers = np.issubdtype(array.dtype, np.integer)
        numbers = feature.int64_list if integers else feature.float_list
        numbers.value.extend(array.ravel())
    return example.SerializeToString()


def to_record(answer):
    """A row for a Parquet file of (key, outputs)."""
    record = {"key": answer[0]}
    for name, array in answer[1].items():
        record[name] = array.ravel().tolist() if array.ndim else array.item()
    return record


def parquet_schema(definition):
    """Columns: the key, and each output, a list unless it is one number a row."""
    columns = [("key", pyarrow.string())]
    for name, info in sorted(definition.outputs.items()):
        dtype = pyarrow.from_numpy_dtype(tf.as_dtype(info.dtype).as_numpy_dtype)
        is_number = len(info.tensor_shape.dim) == 1
        columns.append((name, dtype if is_number else pyarrow.list_(dtype)))
    return pyarrow.schema(columns)


def add_steps(pipeline, options):
    """Read, run the signature, write."""
    definition = signature_definition(options.saved_model, options.signature)
    arguments = {
        "shapes": {
            name: tuple(dim.size for dim in info.tensor_shape.dim[1:])
            for name, info in definition.inputs.items()
        },
        "columns": dict(pair.split("=", 1) for pair in options.column),
        "key": options.key,
        "seed": options.seed,
    }
    if options.examples.endswith(".parquet"):
        records = pipeline | beam.io.ReadFromParquet(options.examples)
        rows = records | "Parse" >> beam.Map(row_of, **arguments)
    else:
        records = pipeline | beam.io.ReadFromTFRecord(options.examples)
        rows = records | "Parse" >> beam.Map(from_example, **arguments)
    handler = SignatureHandler(
        options.saved_model, options.signature, options.batch_size
    )
    answers = rows | RunInference(KeyedModelHandler(handler))
    suffix = f".{options.format}"
    if options.format == "parquet":
        schema = parquet_schema(definition)
        write = beam.io.WriteToParquet(options.output, schema, file_name_suffix=suffix)
        answers | "Format" >> beam.Map(to_record) | write
    else:
        write = beam.io.WriteToTFRecord(options.output, file_name_suffix=suffix)
        answers | "Format" >> beam.Map(to_example) | write


def parse(arguments=None):
    """(this program's options, Beam's options)."""
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], allow_abbrev=False
    )
    parser.add_argument("saved_model", help="the folder of a version")
    parser.add_argument("--signature", default="encode")
    parser.add_argument("--examples", required=True, help="a path with wildcards")
    parser.add_argument("--output", required=True, help="what its files start with")
    parser.add_argument("--format", choices=["tfrecord", "parquet"], default="tfrecord")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0, help="for other draws")
    parser.add_argument("--key", default="key", help="the column of the key")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="INPUT=COLUMN",
        help="where a column has another name than the input",
    )
    # "DirectRunner" may download Prism, a program that is not part of the package.
    parser.add_argument("--runner", default="FnApiRunner", help="default: in-process")
    options, beam_arguments = parser.parse_known_args(arguments)
    return options, PipelineOptions(beam_arguments, runner=options.runner)


def main(arguments=None):
    options, beam_options = parse(arguments)
    try:
        if found := tf.io.gfile.glob(f"{options.output}-*"):
            raise ValueError(f"`--output` must be new. Received: '{found[0]}' exists")
        pipeline = beam.Pipeline(options=beam_options)
        add_steps(pipeline, options)
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise SystemExit(str(error)) from None
    pipeline.run().wait_until_finish()


if __name__ == "__main__":
    main()
