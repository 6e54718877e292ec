import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

let begun = false;

/**
 * A step of the page. Its heading takes the focus when the step begins, but not at the page's own beginning. It does so
 * before anybody can see the step, so that it takes no focus that the visitor has moved since.
 */
export function Section(props: { heading: string; name: string; children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    if (begun) heading.current?.focus({ preventScroll: true });
    begun = true;
  }, []);
  return (
    <section class={props.name} aria-labelledby={props.name}>
      <h2 id={props.name} ref={heading} tabIndex={-1}>
        {props.heading}
      </h2>
      {props.children}
    </section>
  );
}
