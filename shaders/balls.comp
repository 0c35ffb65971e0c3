// The cpu_jobs example's move: where each ball is to be drawn, how large, and in which colour.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/balls.glsl"

layout(local_size_x = 64) in;

layout(push_constant, scalar) uniform Push {
    Balls balls;
    Discs discs;
    uint count;
    float radius;
    float ahead; // seconds from the step that the CPU made to the moment that is drawn
} push;

void main() {
    const uint i = gl_GlobalInvocationID.x;
    if (i >= push.count) {
        return;
    }
    const Ball ball = push.balls.at[i];
    const float heat = min(length(ball.velocity), 1.0);
    push.discs.at[i] = Disc(
        ball.position + push.ahead * ball.velocity,
        push.radius,
        mix(vec3(0.05, 0.2, 0.7), vec3(1.0, 0.35, 0.05), heat)
    );
}
