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
		"added":               {both, "https://shop.example/buy?event=7", "", "https://shop.example/buy?edge=d.e.f&event=7&token=a.b.c"},
		"in its place":        {both, "https://shop.example/buy/{token}", "", "https://shop.example/buy/a.b.c?edge=d.e.f"},
		"in its place, alone": {one, "https://shop.example/buy?pass={token}&b=1&a=2", "", "https://shop.example/buy?pass=a.b.c&b=1&a=2"},
		"no edge":             {one, "https://shop.example/buy", "", "https://shop.example/buy?token=a.b.c"},
		"assigned":            {both, "https://shop.example/buy", "https://shop.example/seat/17", "https://shop.example/seat/17?edge=d.e.f&token=a.b.c"},
	} {
		if got := c.passes.purchaseURL(Sale{PurchaseURL: c.sale}, Fan{PurchaseURL: c.assigned}); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
