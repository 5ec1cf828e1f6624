/* A program in C that knows the library for C alone: client MODEL. Prints the version and exits 0 when everything is as promised. */
#include <isoform/c/isoform.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 5

static int failed(const char *what) {
  fprintf(stderr, "client: %s: %s\n", what, isoform_error());
  return 1;
}

/* Samples that differ, on any scale. */
static float *samples_of(size_t inputs) {
  float *x = malloc(SAMPLES * inputs * sizeof *x);
  size_t i;
  for (i = 0; x != NULL && i < SAMPLES * inputs; ++i) x[i] = (float)(i * 37 % 11) / 3.0f;
  return x;
}

static int check(isoform_model *model, const char *path) {
  const size_t inputs = isoform_inputs(model, 0), outputs = isoform_outputs(model, 0);
  float *x = samples_of(inputs), *y = malloc(SAMPLES * outputs * sizeof *y),
        *turned = malloc(SAMPLES * outputs * sizeof *turned);
  double difference = 0, length = 0;
  size_t i;
  if (inputs == 0 || outputs == 0 || x == NULL || y == NULL || turned == NULL) return failed("sizes");
  if (isoform_predict(model, 0, x, SAMPLES, y) != ISOFORM_OK) return failed("predict");
  if (isoform_rotate(model, 1, 7) != ISOFORM_OK) return failed("rotate");
  if (isoform_predict(model, 0, x, SAMPLES, turned) != ISOFORM_OK) return failed("predict");
  for (i = 0; i < SAMPLES * outputs; ++i) {
    difference += pow((double)y[i] - (double)turned[i], 2);
    length += pow((double)y[i], 2);
  }
  if (!(difference <= 1e-8 * length)) return failed("the same answers after a turn");
  if (isoform_save(model, path) != ISOFORM_OK) return failed("save");
  free(x);
  free(y);
  free(turned);
  return 0;
}

int main(int argc, char **argv) {
  isoform_model *model = NULL;
  char copy[4096];
  if (argc != 2 || strlen(argv[1]) + 6 > sizeof copy) return 2;
  if (isoform_open("there is no such file", 1, &model) != ISOFORM_FILE || model != NULL) return failed("a code");
  if (isoform_open(argv[1], 1, &model) != ISOFORM_OK) return failed("open");
  strcat(strcpy(copy, argv[1]), ".copy");
  if (check(model, copy) != 0) return 1;
  isoform_close(model);
  if (isoform_open(copy, 1, &model) != ISOFORM_OK) return failed("open the copy");
  isoform_close(model);
  remove(copy);
  printf("isoform %s\n", isoform_version());
  return 0;
}
