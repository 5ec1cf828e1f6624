/* Isoform for C, and for whatever calls C: opens a model file, predicts, makes the model smaller, saves it.
 *
 *   isoform_model *model;
 *   if (isoform_open("digits.safetensors", 1, &model) != ISOFORM_OK) return fail(isoform_error());
 *   size_t n = isoform_inputs(model, 0), k = isoform_outputs(model, 0);
 *   float *x = malloc(samples * n * sizeof *x), *y = malloc(samples * k * sizeof *y);
 *   if (isoform_predict(model, 0, x, samples, y) != ISOFORM_OK) ...
 *   isoform_close(model);
 *
 * Link with what `pkg-config --libs isoform-c` says. A model serves one thread at a time; several threads open one each. Results do
 * not depend on the number of threads. Nothing is printed and no exception leaves. docs/embedding.md. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ISOFORM_C_API __attribute__((visibility("default")))
#else
#define ISOFORM_C_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** What a function that can fail returns. */
typedef enum isoform_status {
  ISOFORM_OK = 0,
  ISOFORM_USAGE = 1,  /**< a value that cannot be served */
  ISOFORM_FILE = 2,   /**< a file that cannot be opened, read or written */
  ISOFORM_FORMAT = 3, /**< a file that is no model */
  ISOFORM_MEMORY = 4, /**< not enough memory */
  ISOFORM_FAILED = 5  /**< nothing could be done; or a mistake of ours, which the message says */
} isoform_status;

typedef struct isoform_model isoform_model;

/** "major.minor.patch". */
ISOFORM_C_API const char *isoform_version(void);

/** What was wrong, in one sentence, with the last call of this thread that returned a status; "" after ISOFORM_OK. Valid until the
 * next such call of the thread. */
ISOFORM_C_API const char *isoform_error(void);

/** Reads a model file. threads: 1 or more; 0: all cores. On failure *model is NULL. */
ISOFORM_C_API isoform_status isoform_open(const char *path, int threads, isoform_model **model);
/** NULL is let pass. */
ISOFORM_C_API void isoform_close(isoform_model *model);

/** What a model has. Tasks, inputs and outputs are counted from 0, and there is always a task. Names are UTF-8 and live until the next
 * change of the model; NULL: no name. A number that is out of range gives 0 or NULL. */
ISOFORM_C_API size_t isoform_parameters(const isoform_model *model);
ISOFORM_C_API size_t isoform_tasks(const isoform_model *model);
ISOFORM_C_API const char *isoform_task_name(const isoform_model *model, size_t task);
/** Numbers that a sample of the task has: those of its inputs, one input after the other. */
ISOFORM_C_API size_t isoform_inputs(const isoform_model *model, size_t task);
ISOFORM_C_API const char *isoform_input_name(const isoform_model *model, size_t task, size_t input);
ISOFORM_C_API size_t isoform_outputs(const isoform_model *model, size_t task);
ISOFORM_C_API const char *isoform_output_name(const isoform_model *model, size_t task,
                                              size_t output);

/** Logits of a task. x: raw values, sample after sample [samples x inputs]; y: the same [samples x outputs]. x and y do not overlap. Any
 * number of samples, 0 too; the first call for a task prepares what later calls use. */
ISOFORM_C_API isoform_status isoform_predict(isoform_model *model, size_t task, const float *x,
                                             size_t samples, float *y);
/** The same as answers: probabilities of classes and labels; numbers in the units of the table that taught them. */
ISOFORM_C_API isoform_status isoform_answer(isoform_model *model, size_t task, const float *x,
                                            size_t samples, float *y);

/** Hidden layers, counted from 1, and their widths. */
ISOFORM_C_API size_t isoform_layers(const isoform_model *model);
ISOFORM_C_API size_t isoform_width(const isoform_model *model, size_t layer);

/** Turns a hidden layer at random: other weights, the same answers within rounding. */
ISOFORM_C_API isoform_status isoform_rotate(isoform_model *model, size_t layer, uint64_t seed);
/** Takes out neurons, as many as a mean change of the outputs by `tolerance` of their length allows, measured on samples of a task, a
 * quarter of which are held out to judge by. change, unless NULL: what it came to. ISOFORM_FAILED where nothing can go; the model is
 * then as it was, as after every failure. */
ISOFORM_C_API isoform_status isoform_shrink(isoform_model *model, size_t task, const float *x,
                                            size_t samples, double tolerance, double *change);
/** Writes a model file, whole or not at all. */
ISOFORM_C_API isoform_status isoform_save(const isoform_model *model, const char *path);

#ifdef __cplusplus
}
#endif
