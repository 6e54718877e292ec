package blueprint

import (
	"testing"
)

// Equal numbers are one text, however they are written: DynamoDB gives them back
// otherwise than they were sent.
func TestNormalNumber(t *testing.T) {
	for given, want := range map[string]string{
		"50": "50", "50.0": "50", "+5e1": "50", "0.10": "0.1", "-1.5": "-1.5", "1E-7": "0.0000001", "0.0000001": "0.0000001", "1E100": "1e+100",
		"12345678901234567890123456789012345678": "12345678901234567890123456789012345678", "0.1234567890123456789": "0.1234567890123456789",
		"many": "many",
	} {
		if got := NormalNumber(given); got != want {
			t.Errorf("%s is %s, want %s", given, got, want)
		}
	}
}

// An item names its table, its key and what it is marked with; what it refers to
// is resolved within its values.
func TestItem(t *testing.T) {
	b := NewBuilder(testSettings())
	q := b.Queue("votes", Queue{})
	sales := b.Table("sales", Table{Key: "sale"})
	b.Item("sale-final", sales, "final", map[string]ItemAttribute{"url": ItemText(`see "` + q.URL() + `"`), "windows": ItemNumber("5.0"), "open": ItemBool(true)})
	p := b.Blueprint().Part("sale-final")
	spec, ok := p.Spec.(TableItemSpec)
	if !ok || Readable(p.Name) != "${sales.name}/sale=final" || spec.PartitionKey != "sale" {
		t.Errorf("the part is %q: %+v", Readable(p.Name), spec)
	}
	if got := b.Blueprint().Dependencies(p); len(got) != 2 || got[0] != "sales" || got[1] != "votes" {
		t.Errorf("it depends on %v", got)
	}
	for name, want := range map[string]string{"url": `{"S":"see \"${votes.url}\""}`, "windows": `{"N":"5"}`, "open": `{"BOOL":true}`} {
		if got := Readable(spec.Attributes[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// A mark is read as it was written, whatever the part's key.
func TestMarkOfItem(t *testing.T) {
	system := System{Name: "config", Slug: "conf"}
	for _, key := range []string{"sale-final", "item-Fees/Service.rate_2"} {
		got := Marked(Mark(system, "dev", key))
		if got[TagSystem] != "config" || got[TagName] != "dev" || got[TagPart] != key {
			t.Errorf("the mark of %s is read as %v", key, got)
		}
	}
}
