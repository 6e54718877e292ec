package queue

import "testing"

func TestPurchaseURL(t *testing.T) {
	both, one := signedPasses{token: "a.b.c", edge: "d.e.f"}, signedPasses{token: "a.b.c"}
	for name, c := range map[string]struct {
		passes   signedPasses
		sale     string
		assigned string
		want     string
	}{
		"added":             {both, "https://shop.example/buy?event=7", "", "https://shop.example/buy?edge=d.e.f&event=7&token=a.b.c"},
		"in their places":   {both, "https://shop.example/{token}/buy?pass={edge}", "", "https://shop.example/a.b.c/buy?pass=d.e.f"},
		"one has a place":   {both, "https://shop.example/buy?pass={edge}", "", "https://shop.example/buy?pass=d.e.f&token=a.b.c"},
		"the other has one": {both, "https://shop.example/buy/{token}", "", "https://shop.example/buy/a.b.c?edge=d.e.f"},
		"no edge":           {one, "https://shop.example/buy", "", "https://shop.example/buy?token=a.b.c"},
		"assigned":          {both, "https://shop.example/buy", "https://shop.example/seat/17", "https://shop.example/seat/17?edge=d.e.f&token=a.b.c"},
	} {
		if got := c.passes.purchaseURL(Sale{PurchaseURL: c.sale}, Fan{PurchaseURL: c.assigned}); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
