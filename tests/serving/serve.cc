// A server without Python: it runs a SavedModel through TensorFlow's C++ API.
//
//     serve SAVED_MODEL REQUESTS ANSWERS
//
// Every folder <batch>/<signature>/ of REQUESTS holds a file <input>.npy for each
// input; the signature's outputs are written to the folder of that name in ANSWERS.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"

namespace fs = std::filesystem;
namespace tf = tensorflow;

void Check(bool good, const std::string& message) {
  if (good) return;
  std::cerr << message << std::endl;
  std::exit(1);
}

// The array of a little-endian NumPy file; the signature says its type and shape.
tf::Tensor Read(const fs::path& path, const tf::TensorInfo& info) {
  std::ifstream file(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  Check(content.size() > 10, "there is no array in " + path.string());
  const auto byte = [&](int i) { return static_cast<unsigned char>(content[i]); };
  const std::string data = content.substr(10 + byte(8) + 256 * byte(9));
  std::vector<int64_t> shape = {0};
  std::size_t row = tf::DataTypeSize(info.dtype());
  for (int i = 1; i < info.tensor_shape().dim_size(); ++i) {
    shape.push_back(info.tensor_shape().dim(i).size());
    row *= shape.back();
  }
  Check(data.size() % row == 0, "no whole number of rows is in " + path.string());
  shape[0] = data.size() / row;
  tf::Tensor tensor(info.dtype(), tf::TensorShape(shape));
  std::copy(data.begin(), data.end(), static_cast<char*>(tensor.data()));
  return tensor;
}

void Write(const fs::path& path, const tf::Tensor& tensor) {
  std::string shape;
  for (const auto size : tensor.shape().dim_sizes()) {
    shape += std::to_string(size) + ",";
  }
  const std::string type = tensor.dtype() == tf::DT_FLOAT   ? "<f4"
                           : tensor.dtype() == tf::DT_INT32 ? "<i4"
                                                            : "";
  Check(!type.empty(), "neither float32 nor int32: " + path.string());
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" +
                       shape + ")}";
  header.resize(117, ' ');  // With what is around it a multiple of 64 bytes.
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  file << "\x93NUMPY" << '\x01' << '\0' << static_cast<char>(header.size()) << '\0'
       << header << tensor.tensor_data();
  Check(file.good(), "cannot write " + path.string());
}

int main(int argc, char** argv) {
  Check(argc == 4, "serve SAVED_MODEL REQUESTS ANSWERS");
  const fs::path requests = argv[2], answers = argv[3];
  tf::SavedModelBundleLite bundle;
  const auto loaded = tf::LoadSavedModel({}, {}, argv[1], {"serve"}, &bundle);
  Check(loaded.ok(), loaded.ToString());
  for (const auto& batch : fs::directory_iterator(requests)) {
    for (const auto& request : fs::directory_iterator(batch)) {
      const auto& signature =
          bundle.GetSignatures().at(request.path().filename().string());
      std::vector<std::pair<std::string, tf::Tensor>> inputs;
      for (const auto& [key, info] : signature.inputs()) {
        inputs.emplace_back(info.name(), Read(request.path() / (key + ".npy"), info));
      }
      std::vector<std::string> names, tensor_names;
      for (const auto& [key, info] : signature.outputs()) {
        names.push_back(key);
        tensor_names.push_back(info.name());
      }
      std::vector<tf::Tensor> outputs;
      const auto ran = bundle.GetSession()->Run(inputs, tensor_names, {}, &outputs);
      Check(ran.ok(), ran.ToString());
      const fs::path place = answers / fs::relative(request.path(), requests);
      fs::create_directories(place);
      for (std::size_t i = 0; i < names.size(); ++i) {
        Write(place / (names[i] + ".npy"), outputs[i]);
      }
    }
  }
}
