/* The peer C: hand-written loops, OpenMP over replicas.
 *
 * gcc -O3 -march=native -ffast-math -fopenmp sgd.c -lm
 * sgd <problem> <folder> <check steps> <seconds> <weights file>, as clock.ts says.
 *
 * Sizes are constants, so that the compiler can unroll and vectorize; they are compared with the
 * lengths of the files. Layouts are the peers' (problem.ts). Minibatches are drawn with replacement by
 * xorshift32, one generator a replica; sample counts are powers of two.
 */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static float *x, *y, *theta;
static uint32_t *generators; /* [replica] */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static uint32_t draw(uint32_t *state) {
  uint32_t s = *state;
  s ^= s << 13;
  s ^= s >> 17;
  s ^= s << 5;
  return *state = s;
}

/* W1: w <- w - (2 eta / B) sum (w.x - y) x */
static void train_w1(int steps) {
  enum { REPLICAS = 1024, INPUTS = 8, BATCH = 8, SAMPLES = 256 };
#pragma omp parallel for schedule(static)
  for (int r = 0; r < REPLICAS; r++) {
    uint32_t state = generators[r];
    float w[INPUTS];
    memcpy(w, theta + r * INPUTS, sizeof w);
    for (int t = 0; t < steps; t++) {
      float gradient[INPUTS] = {0};
      for (int b = 0; b < BATCH; b++) {
        int i = draw(&state) & (SAMPLES - 1);
        const float *row = x + i * INPUTS;
        float error = -y[i];
        for (int k = 0; k < INPUTS; k++) error += row[k] * w[k];
        for (int k = 0; k < INPUTS; k++) gradient[k] += error * row[k];
      }
      for (int k = 0; k < INPUTS; k++) w[k] -= 0.05f * 2 / BATCH * gradient[k];
    }
    memcpy(theta + r * INPUTS, w, sizeof w);
    generators[r] = state;
  }
}

/* W2: 2-32-1 tanh */
static void train_w2(int steps) {
  enum { REPLICAS = 256, BATCH = 16, SAMPLES = 256, HIDDEN = 32 };
  const float eta = 0.05f;
#pragma omp parallel for schedule(static)
  for (int r = 0; r < REPLICAS; r++) {
    uint32_t state = generators[r];
    float *W = theta + r * 2 * HIDDEN; /* [input, unit] */
    float *b = theta + REPLICAS * 2 * HIDDEN + r * HIDDEN;
    float *a = theta + REPLICAS * 3 * HIDDEN + r * HIDDEN;
    float *c = theta + REPLICAS * 4 * HIDDEN + r;
    for (int t = 0; t < steps; t++) {
      float gW0[HIDDEN] = {0}, gW1[HIDDEN] = {0}, gb[HIDDEN] = {0}, ga[HIDDEN] = {0}, gc = 0;
      for (int s = 0; s < BATCH; s++) {
        int i = draw(&state) & (SAMPLES - 1);
        float x0 = x[2 * i], x1 = x[2 * i + 1], h[HIDDEN], z = *c;
        for (int j = 0; j < HIDDEN; j++) h[j] = tanhf(b[j] + x0 * W[j] + x1 * W[HIDDEN + j]);
        for (int j = 0; j < HIDDEN; j++) z += h[j] * a[j];
        float dz = 2 * (z - y[i]) / BATCH;
        gc += dz;
        for (int j = 0; j < HIDDEN; j++) {
          float dh = dz * a[j] * (1 - h[j] * h[j]);
          ga[j] += dz * h[j];
          gb[j] += dh;
          gW0[j] += dh * x0;
          gW1[j] += dh * x1;
        }
      }
      for (int j = 0; j < HIDDEN; j++) {
        W[j] -= eta * gW0[j];
        W[HIDDEN + j] -= eta * gW1[j];
        b[j] -= eta * gb[j];
        a[j] -= eta * ga[j];
      }
      *c -= eta * gc;
    }
    generators[r] = state;
  }
}

enum { W3_REPLICAS = 16, INPUTS = 784, BATCH = 32, W3_SAMPLES = 4096, HIDDEN = 64, CLASSES = 10 };

/* h = relu(b + x W), four samples at a time so that a row of W is loaded once for them. */
static void hidden_units(const int *index, const float *W, const float *b, float h[BATCH][HIDDEN]) {
  for (int s = 0; s < BATCH; s += 4) {
    float sums[4][HIDDEN];
    const float *rows[4];
    for (int q = 0; q < 4; q++) {
      memcpy(sums[q], b, sizeof sums[q]);
      rows[q] = x + (long)index[s + q] * INPUTS;
    }
    for (int k = 0; k < INPUTS; k++) {
      const float *w = W + k * HIDDEN;
      for (int j = 0; j < HIDDEN; j++) {
        sums[0][j] += rows[0][k] * w[j];
        sums[1][j] += rows[1][k] * w[j];
        sums[2][j] += rows[2][k] * w[j];
        sums[3][j] += rows[3][k] * w[j];
      }
    }
    for (int q = 0; q < 4; q++)
      for (int j = 0; j < HIDDEN; j++) h[s + q][j] = sums[q][j] > 0 ? sums[q][j] : 0;
  }
}

/* eta times the adjoints of the hidden units; moves A and c. */
static void output_layer(const int *index, float h[BATCH][HIDDEN], float *A, float *c,
                         float dh[BATCH][HIDDEN]) {
  const float eta = 0.05f;
  float gA[HIDDEN * CLASSES] = {0}, gc[CLASSES] = {0};
  for (int s = 0; s < BATCH; s++) {
    float z[CLASSES], largest = -1e30f, sum = 0;
    memcpy(z, c, sizeof z);
    for (int j = 0; j < HIDDEN; j++)
      for (int o = 0; o < CLASSES; o++) z[o] += h[s][j] * A[j * CLASSES + o];
    for (int o = 0; o < CLASSES; o++) largest = z[o] > largest ? z[o] : largest;
    for (int o = 0; o < CLASSES; o++) sum += z[o] = expf(z[o] - largest);
    for (int o = 0; o < CLASSES; o++) {
      z[o] = (z[o] / sum - ((int)y[index[s]] == o)) / BATCH;
      gc[o] += z[o];
    }
    for (int j = 0; j < HIDDEN; j++) {
      float adjoint = 0;
      for (int o = 0; o < CLASSES; o++) {
        adjoint += z[o] * A[j * CLASSES + o];
        gA[j * CLASSES + o] += z[o] * h[s][j];
      }
      dh[s][j] = h[s][j] > 0 ? eta * adjoint : 0;
    }
  }
  for (int i = 0; i < HIDDEN * CLASSES; i++) A[i] -= eta * gA[i];
  for (int o = 0; o < CLASSES; o++) c[o] -= eta * gc[o];
}

/* W -= sum over the minibatch of x dh, eight samples at a time. */
static void move_weights(const int *index, float dh[BATCH][HIDDEN], float *W, float *b) {
  for (int s = 0; s < BATCH; s++)
    for (int j = 0; j < HIDDEN; j++) b[j] -= dh[s][j];
  for (int s = 0; s < BATCH; s += 8) {
    const float *rows[8];
    for (int q = 0; q < 8; q++) rows[q] = x + (long)index[s + q] * INPUTS;
    for (int k = 0; k < INPUTS; k++) {
      float *w = W + k * HIDDEN;
      for (int j = 0; j < HIDDEN; j++)
        w[j] -= rows[0][k] * dh[s][j] + rows[1][k] * dh[s + 1][j] + rows[2][k] * dh[s + 2][j] +
                rows[3][k] * dh[s + 3][j] + rows[4][k] * dh[s + 4][j] + rows[5][k] * dh[s + 5][j] +
                rows[6][k] * dh[s + 6][j] + rows[7][k] * dh[s + 7][j];
    }
  }
}

/* W3: 784-64-10 ReLU, softmax cross-entropy */
static void train_w3(int steps) {
#pragma omp parallel for schedule(static)
  for (int r = 0; r < W3_REPLICAS; r++) {
    uint32_t state = generators[r];
    float *W = theta + (long)r * INPUTS * HIDDEN; /* [input, unit] */
    float *b = theta + (long)W3_REPLICAS * INPUTS * HIDDEN + r * HIDDEN;
    float *A = theta + (long)W3_REPLICAS * (INPUTS + 1) * HIDDEN + r * HIDDEN * CLASSES;
    float *c = theta + (long)W3_REPLICAS * (INPUTS + 1 + CLASSES) * HIDDEN + r * CLASSES;
    float h[BATCH][HIDDEN], dh[BATCH][HIDDEN];
    int index[BATCH];
    for (int t = 0; t < steps; t++) {
      for (int s = 0; s < BATCH; s++) index[s] = draw(&state) & (W3_SAMPLES - 1);
      hidden_units(index, W, b, h);
      output_layer(index, h, A, c, dh);
      move_weights(index, dh, W, b);
    }
    generators[r] = state;
  }
}

typedef struct {
  const char *id;
  void (*train)(int steps);
  long replicas, samples, inputs, parameters;
} Problem;

static const Problem PROBLEMS[] = {
    {"w1", train_w1, 1024, 256, 8, 8},
    {"w2", train_w2, 256, 256, 2, 129},
    {"w3", train_w3, W3_REPLICAS, W3_SAMPLES, INPUTS, (INPUTS + 1) * HIDDEN + (HIDDEN + 1) * CLASSES},
};

/* A file of exactly `count` floats. */
static float *read_floats(const char *folder, const char *id, const char *name, long count) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s-%s.f32", folder, id, name);
  FILE *file = fopen(path, "rb");
  float *values = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
  if (!file || !values || fread(values, sizeof(float), count, file) != (size_t)count ||
      fgetc(file) != EOF) {
    fprintf(stderr, "sgd: %s is not a file of %ld numbers\n", path, count);
    exit(1);
  }
  fclose(file);
  return values;
}

static void write_weights(const char *path, long count) {
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(theta, sizeof(float), count, file) != (size_t)count || fclose(file)) {
    perror(path);
    exit(1);
  }
}

int main(int argc, char **argv) {
  const Problem *problem = NULL;
  for (int i = 0; argc == 6 && i < 3; i++)
    if (!strcmp(argv[1], PROBLEMS[i].id)) problem = &PROBLEMS[i];
  if (!problem) {
    fprintf(stderr, "usage: sgd w1|w2|w3 <folder> <check steps> <seconds> <weights file>\n");
    return 2;
  }
  const double begun = now(), seconds = atof(argv[4]);
  const long weights = problem->replicas * problem->parameters;
  x = read_floats(argv[2], argv[1], "x", problem->samples * problem->inputs);
  y = read_floats(argv[2], argv[1], "y", problem->samples);
  theta = read_floats(argv[2], argv[1], "theta", weights);
  generators = malloc(problem->replicas * sizeof *generators);
  for (long r = 0; r < problem->replicas; r++) generators[r] = (2654435761u * (r + 1)) | 1;

  problem->train(atoi(argv[3]));
  write_weights(argv[5], weights);
  const double setup = now() - begun;

  int chunk = 1;
  for (;; chunk *= 2) { /* until a chunk fills a tenth of the time, which also warms up */
    double start = now();
    problem->train(chunk);
    if (now() - start >= seconds / 10) break;
  }
  long steps = 0;
  double start = now(), took = 0;
  for (; took < seconds; took = now() - start, steps += chunk) problem->train(chunk);
  printf("{\"steps\":%ld,\"seconds\":%.6f,\"setupSeconds\":%.6f,\"version\":\"gcc %s\"}\n",
         steps, took, setup, __VERSION__);
  return 0;
}
