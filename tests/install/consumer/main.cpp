// What a program outside the tree does first: extend it with whatever an installation must serve.
#include <isoform/base/version.h>

#include <iostream>

int main() {
  std::cout << "isoform " << isoform::version() << '\n';
  return 0;
}
