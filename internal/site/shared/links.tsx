/** A link in the footer of a page. */
export interface Link {
  label: string;
  url: string;
}

/** The footer of a page, where it has links. */
export function Links(props: { links: Link[] | undefined }) {
  if (!props.links?.length) return null;
  return (
    <footer>
      {props.links.map((l) => (
        <a key={l.url} href={safe(l.url)} rel="noopener noreferrer">
          {l.label}
        </a>
      ))}
    </footer>
  );
}

/** Links go to pages only, never to script. */
function safe(url: string): string {
  return /^(https?:|mailto:|[^:]*$)/i.test(url) ? url : "#";
}
