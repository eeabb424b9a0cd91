#include "tests/support/cuda_emulated_blas.hpp"

#include "ops/cuda/storage.hpp"

#include <utility>
#include <vector>

struct emulated_handle {
  cudaStream_t stream = nullptr;
};

// The reference BLAS, as Fortran names it.
extern "C" void sgemm_(const char* a_operation, const char* b_operation, const int* m, const int* n,
                       const int* k, const float* alpha, const float* a, const int* a_leading,
                       const float* b, const int* b_leading, const float* beta, float* c,
                       const int* c_leading);

namespace {

namespace cuda = lagrange::ops::cuda;

// Elements of 16 bits as the reference BLAS wants them, and back; those of 32 bits as they lie.
class operand {
public:
  // All up to the last element of a column-major matrix of `rows` rows as stored.
  operand(const void* at, cudaDataType_t type, long long rows, long long columns, long long leading)
      : at_(at), type_(type) {
    if (type == CUDA_R_32F) return;
    widened_.resize(static_cast<std::size_t>((columns - 1) * leading + rows));
    for (std::size_t i = 0; i < widened_.size(); ++i)
      widened_[i] = type == CUDA_R_16F ? cuda::to_float(static_cast<const cuda::f16*>(at)[i])
                                       : cuda::to_float(static_cast<const cuda::bf16*>(at)[i]);
  }
  const float* data() const {
    return type_ == CUDA_R_32F ? static_cast<const float*>(at_) : widened_.data();
  }
  float* data() { return const_cast<float*>(std::as_const(*this).data()); }

  // Rounds the matrix back into `at`; what lies between its columns stays as it is.
  void store(void* at, long long rows, long long columns, long long leading) const {
    if (type_ == CUDA_R_32F) return;
    for (long long column = 0; column < columns; ++column)
      for (long long i = column * leading; i < column * leading + rows; ++i) {
        const float x = widened_[static_cast<std::size_t>(i)];
        if (type_ == CUDA_R_16F) static_cast<cuda::f16*>(at)[i] = cuda::rounded<cuda::f16>(x);
        if (type_ == CUDA_R_16BF) static_cast<cuda::bf16*>(at)[i] = cuda::rounded<cuda::bf16>(x);
      }
  }

private:
  const void* at_;
  cudaDataType_t type_;
  std::vector<float> widened_;
};

// `index` matrices on; an address, because elements of C++ are no bytes.
template <class Pointer>
Pointer moved(Pointer at, cudaDataType_t type, long long elements) {
  using byte = std::conditional_t<std::is_same_v<Pointer, void*>, char, const char>;
  return static_cast<byte*>(at) + elements * (type == CUDA_R_32F ? 4 : 2);
}

} // namespace

const char* cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS ? "no error" : "the library refuses the call";
}

cublasStatus_t cublasGetProperty(libraryPropertyType, int* number) {
  *number = 0;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasCreate(cublasHandle_t* made) {
  *made = new emulated_handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t, void*, std::size_t) {
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t) { return CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t a_operation,
                                          cublasOperation_t b_operation, int m, int n, int k,
                                          const void* alpha, const void* a, cudaDataType_t a_type,
                                          int a_leading, long long a_stride, const void* b,
                                          cudaDataType_t b_type, int b_leading, long long b_stride,
                                          const void* beta, void* c, cudaDataType_t c_type,
                                          int c_leading, long long c_stride, int batch,
                                          cublasComputeType_t, cublasGemmAlgo_t) {
  const bool a_is_plain = a_operation == CUBLAS_OP_N;
  const bool b_is_plain = b_operation == CUBLAS_OP_N;
  if (m < 1 || n < 1 || k < 1 || batch < 1 || a_type != b_type ||
      a_leading < (a_is_plain ? m : k) || b_leading < (b_is_plain ? k : n) || c_leading < m)
    return CUBLAS_STATUS_INVALID_VALUE;
  lagrange::tests::enqueue(handle->stream, [=, alpha = *static_cast<const float*>(alpha),
                                            beta = *static_cast<const float*>(beta)] {
    const char a_letter = a_is_plain ? 'N' : 'T';
    const char b_letter = b_is_plain ? 'N' : 'T';
    for (int i = 0; i < batch; ++i) {
      const operand on_a(moved(a, a_type, i * a_stride), a_type, a_is_plain ? m : k,
                         a_is_plain ? k : m, a_leading);
      const operand on_b(moved(b, b_type, i * b_stride), b_type, b_is_plain ? k : n,
                         b_is_plain ? n : k, b_leading);
      void* const at_c = moved(c, c_type, i * c_stride);
      operand on_c(at_c, c_type, m, n, c_leading);
      sgemm_(&a_letter, &b_letter, &m, &n, &k, &alpha, on_a.data(), &a_leading, on_b.data(),
             &b_leading, &beta, on_c.data(), &c_leading);
      on_c.store(at_c, m, n, c_leading);
    }
  });
  return CUBLAS_STATUS_SUCCESS;
}
