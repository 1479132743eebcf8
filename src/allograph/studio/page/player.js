/** Plays the steps from the first to the last and on to the finished drawings, or holds one step. */

import { $, prefersReducedMotion } from "./dom.js";

const PLAYING = 1500; // milliseconds from the first step to the last
const FADING = 260; // milliseconds from the last canvas to the finished drawing

const PLAY = "M8 5v14l11-7z";
const PAUSE = "M7 5h4v14H7zM13 5h4v14h-4z";

export class Player {
  #paint;
  #frame = 0;
  #last = 0;
  #playing = false;
  steps = 1;
  time = 1;
  crisp = 1;

  /**
   * `paint` shows everything at `time`, the step, and `crisp`, 0 for the canvas to 1 for the finished drawing, and is told
   * whether it plays on from there.
   */
  constructor(paint) {
    this.#paint = paint;
    $("time").addEventListener("input", (event) => this.hold(Number(event.target.value)));
    $("play").addEventListener("click", () => {
      if (this.#playing) {
        this.#stop();
        this.#show();
      } else this.play(this.time >= this.steps ? 1 : this.time);
    });
  }

  /** Starts again with drawings of this many steps. */
  start(steps) {
    this.steps = steps;
    const slider = $("time");
    slider.max = Math.max(2, steps);
    slider.disabled = $("play").disabled = steps < 2;
    if (prefersReducedMotion() || steps < 2) this.hold(steps);
    else this.play(1);
  }

  /** There is nothing to show. */
  stop() {
    this.#stop();
    $("time").disabled = $("play").disabled = true;
    $("step").textContent = "–";
  }

  hold(step) {
    this.#stop();
    this.time = step;
    this.crisp = step >= this.steps ? 1 : 0;
    this.#show();
  }

  play(from) {
    this.time = from;
    this.crisp = 0;
    this.#last = 0;
    this.#mark(true);
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame((now) => this.#tick(now));
    this.#show();
  }

  /** Paints the current step again. */
  refresh() {
    if (!this.#playing) this.#show();
  }

  #tick(now) {
    const passed = Math.min(50, now - (this.#last || now));
    this.#last = now;
    if (!passed) {
      // Painted already by `play`.
      this.#frame = requestAnimationFrame((next) => this.#tick(next));
      return;
    }
    if (this.time < this.steps) {
      this.time = Math.min(this.steps, this.time + (passed / PLAYING) * (this.steps - 1));
    } else this.crisp = Math.min(1, this.crisp + passed / FADING);
    if (this.crisp < 1) this.#frame = requestAnimationFrame((next) => this.#tick(next));
    else this.#mark(false);
    this.#show();
  }

  #stop() {
    cancelAnimationFrame(this.#frame);
    this.#mark(false);
  }

  #mark(playing) {
    this.#playing = playing;
    $("play").setAttribute("aria-label", playing ? "Pause" : "Play");
    $("play").querySelector("path").setAttribute("d", playing ? PAUSE : PLAY);
  }

  #show() {
    const step = Math.min(this.steps, Math.ceil(this.time - 1e-6));
    const slider = $("time");
    slider.value = step;
    slider.setAttribute("aria-valuetext", `step ${step} of ${this.steps}`);
    slider.style.setProperty("--part", this.steps > 1 ? (this.time - 1) / (this.steps - 1) : 1);
    $("step").textContent = `${step} / ${this.steps}`;
    this.#paint(this.time, this.crisp, this.#playing);
  }
}
