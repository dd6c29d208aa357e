"""A server without Python TensorFlow: it runs a SavedModel through TensorFlow's C API.

    python c_api.py SAVED_MODEL REQUESTS ANSWERS

Every folder <batch>/<signature>/ of REQUESTS holds a file <input>.npy for each
input; the signature's outputs are written to the folder of that name in ANSWERS.
Of TensorFlow's wheel only the library is loaded.
"""

import ctypes
import importlib.util
import pathlib
import sys

import numpy as np

FLOAT, INT32 = 1, 3  # Of TF_DataType.
DTYPES = {FLOAT: np.float32, INT32: np.int32}
SIGNATURES, INPUTS, OUTPUTS, TENSOR_NAME = 5, 1, 2, 1  # Fields of the protocol buffers.


class Buffer(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("deallocator", ctypes.c_void_p),
    ]


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


def library():
    """The C API, with the types of what it returns."""
    # Where the package is, found without importing it.
    package = pathlib.Path(importlib.util.find_spec("tensorflow").origin).parent
    c = ctypes.CDLL(str(package / "libtensorflow_cc.so.2"))
    for function in (
        c.TF_NewStatus,
        c.TF_NewSessionOptions,
        c.TF_NewGraph,
        c.TF_NewBuffer,
        c.TF_AllocateTensor,
        c.TF_TensorData,
        c.TF_LoadSessionFromSavedModel,
        c.TF_GraphOperationByName,
    ):
        function.restype = ctypes.c_void_p
    c.TF_Message.restype = ctypes.c_char_p
    c.TF_Dim.restype = ctypes.c_int64
    c.TF_TensorByteSize.restype = ctypes.c_size_t
    return c


class Session:
    """A loaded SavedModel; `signatures` maps its names to those of their tensors.

    Nothing is freed: the process ends when it has answered.
    """

    def __init__(self, c, folder):
        self.c = c
        self.status = ctypes.c_void_p(c.TF_NewStatus())
        self.graph = ctypes.c_void_p(c.TF_NewGraph())
        meta_graph = ctypes.c_void_p(c.TF_NewBuffer())
        self.session = ctypes.c_void_p(
            c.TF_LoadSessionFromSavedModel(
                ctypes.c_void_p(c.TF_NewSessionOptions()),
                None,
                str(folder).encode(),
                (ctypes.c_char_p * 1)(b"serve"),
                1,
                self.graph,
                meta_graph,
                self.status,
            )
        )
        self.check()
        buffer = ctypes.cast(meta_graph, ctypes.POINTER(Buffer)).contents
        self.signatures = read_signatures(ctypes.string_at(buffer.data, buffer.length))

    def check(self):
        if self.c.TF_GetCode(self.status):
            raise RuntimeError(self.c.TF_Message(self.status).decode())

    def run(self, signature, request):
        """The signature's outputs, name -> array, for its inputs, name -> array."""
        c, (inputs, outputs) = self.c, self.signatures[signature]
        if inputs.keys() != request.keys():
            raise ValueError(f"{signature} takes {set(inputs)}, not {set(request)}")
        answer = (ctypes.c_void_p * len(outputs))()
        c.TF_SessionRun(
            self.session,
            None,
            self.places(inputs.values()),
            (ctypes.c_void_p * len(inputs))(*(self.tensor(request[k]) for k in inputs)),
            len(inputs),
            self.places(outputs.values()),
            answer,
            len(outputs),
            None,
            0,
            None,
            self.status,
        )
        self.check()
        return {
            key: self.array(ctypes.c_void_p(tensor))
            for key, tensor in zip(outputs, answer, strict=True)
        }

    def places(self, names):
        """Tensors' names as the C API has them, an operation and a number each."""
        places = []
        for name in names:
            operation, index = name.split(":")
            found = self.c.TF_GraphOperationByName(self.graph, operation.encode())
            places.append(Output(found, int(index)))
        return (Output * len(places))(*places)

    def tensor(self, array):
        dtype = {np.dtype(value): key for key, value in DTYPES.items()}[array.dtype]
        shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        size = ctypes.c_size_t(array.nbytes)
        tensor = self.c.TF_AllocateTensor(dtype, shape, array.ndim, size)
        data = self.c.TF_TensorData(ctypes.c_void_p(tensor))
        ctypes.memmove(data, np.ascontiguousarray(array).ctypes.data, array.nbytes)
        return tensor

    def array(self, tensor):
        c = self.c
        shape = [c.TF_Dim(tensor, axis) for axis in range(c.TF_NumDims(tensor))]
        data = ctypes.string_at(c.TF_TensorData(tensor), c.TF_TensorByteSize(tensor))
        return np.frombuffer(data, DTYPES[c.TF_TensorType(tensor)]).reshape(shape)


def read_signatures(meta_graph):
    """Signature -> (input -> tensor's name, output -> tensor's name)."""
    return {
        name: (tensors(signature, INPUTS), tensors(signature, OUTPUTS))
        for name, signature in entries(meta_graph, SIGNATURES)
    }


def tensors(signature, field):
    return {
        key: next(
            value for number, value in fields(info) if number == TENSOR_NAME
        ).decode()
        for key, info in entries(signature, field)
    }


def entries(message, field):
    """Key and value of each entry of a map."""
    for number, entry in fields(message):
        if number == field:
            parts = dict(fields(entry))
            yield parts[1].decode(), parts[2]


def fields(message):
    """Number and value of each field of a serialized protocol buffer."""
    position = 0

    def varint():
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while position < len(message):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            yield number, varint()
            continue
        size = {1: 8, 5: 4}[kind] if kind != 2 else varint()
        yield number, message[position : position + size]
        position += size


def main():
    folder, requests, answers = map(pathlib.Path, sys.argv[1:])
    session = Session(library(), folder)
    for request in sorted(requests.glob("*/*")):
        arrays = {path.stem: np.load(path) for path in request.glob("*.npy")}
        place = answers / request.relative_to(requests)
        place.mkdir(parents=True)
        for key, array in session.run(request.name, arrays).items():
            np.save(place / f"{key}.npy", array)
    if any(name.split(".")[0] in ("tensorflow", "keras") for name in sys.modules):
        raise RuntimeError("Python TensorFlow was imported")


if __name__ == "__main__":
    main()
