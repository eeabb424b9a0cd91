#include "apps/lagrange.hpp"

int main(int argc, char** argv) {
  return lagrange::main(argc, argv, lagrange::runtime::catalog::standard());
}
