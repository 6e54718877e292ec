/** A field for one line of text, with what is wrong with it below. Its heading can stand in for a label (labelledBy). */
export function Field(props: {
  name: string;
  label?: string;
  labelledBy?: string;
  value: string;
  mode: "text" | "numeric";
  error: string | undefined;
}) {
  const { name, error } = props;
  return (
    <div class="field">
      {props.label !== undefined && <label for={name}>{props.label}</label>}
      <input
        id={name}
        name={name}
        type="text"
        inputMode={props.mode}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        maxLength={1024}
        required
        defaultValue={props.value}
        aria-labelledby={props.labelledBy}
        aria-invalid={error !== undefined}
        aria-describedby={error === undefined ? undefined : `${name}-error`}
      />
      {error !== undefined && (
        <p class="error" id={`${name}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}
