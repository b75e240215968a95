/* One value, gradient and Hessian of the chinchilla objective over n rows: what the machine itself can do. */
#include <math.h>

static void pass(int n, const double *u, const double *v, const double *logy, const double *p, double *out)
{
    double E = p[0], a = p[1], alpha = p[2], b = p[3], beta = p[4], delta = 1e-3;
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0, s8 = 0, s9 = 0, s10 = 0, s11 = 0, s12 = 0,
           s13 = 0, s14 = 0, s15 = 0, s16 = 0, s17 = 0, s18 = 0, s19 = 0, s20 = 0;
#pragma GCC ivdep
    for (int i = 0; i < n; i++) {
        double A = exp(a - alpha * u[i]), B = exp(b - beta * v[i]);
        double f = E + A + B, r = log(f) - logy[i];
        double c = fmin(fmax(r, -delta), delta), bend = (c == r) ? 1.0 : 0.0, inverse = 1.0 / f;
        double slope = c * inverse, q = (bend - c) * inverse * inverse;
        double g1 = A, g2 = -A * u[i], g3 = B, g4 = -B * v[i];
        s0 += c * (r - 0.5 * c);
        s1 += slope; s2 += slope * g1; s3 += slope * g2; s4 += slope * g3; s5 += slope * g4;
        s6 += q; s7 += q * g1; s8 += q * g2; s9 += q * g3; s10 += q * g4;
        s11 += q * g1 * g1 + slope * A; s12 += q * g1 * g2 + slope * g2; s13 += q * g1 * g3; s14 += q * g1 * g4;
        s15 += q * g2 * g2 - slope * g2 * u[i]; s16 += q * g2 * g3; s17 += q * g2 * g4;
        s18 += q * g3 * g3 + slope * B; s19 += q * g3 * g4 + slope * g4; s20 += q * g4 * g4 - slope * g4 * v[i];
    }
    double all[21] = {s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15, s16, s17, s18, s19, s20};
    for (int k = 0; k < 21; k++) out[k] = all[k];
}

/* `times` passes at slightly different parameters, so that none of them can be left out. */
void passes(int times, int n, const double *u, const double *v, const double *logy, const double *p, double *out)
{
    double moved[5], one[21];
    for (int k = 0; k < 21; k++) out[k] = 0.0;
    for (int t = 0; t < times; t++) {
        for (int k = 0; k < 5; k++) moved[k] = p[k] * (1.0 + 1e-12 * t);
        pass(n, u, v, logy, moved, one);
        for (int k = 0; k < 21; k++) out[k] += one[k];
    }
}
