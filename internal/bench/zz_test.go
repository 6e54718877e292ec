package main
import ("testing";"fmt";"sort";"github.com/burstline/terraform-provider-serverless/internal/systems")
func TestZZ(t *testing.T){
 b:=&bench{}
 if err:=b.queueCost(t.Context());err!=nil{t.Fatal(err)}
 s,_:=systems.Find("queue")
 e,_:=described(t.Context(),s,map[string]any{"site":map[string]any{"status_from":"table"},"expected_load":map[string]any{"fans":1000000,"admitted":100000,"wait_minutes":20,"peak_joins_per_second":20000}})
 sort.Slice(e.Lines,func(i,j int)bool{return e.Lines[i].Amount>e.Lines[j].Amount})
 for _,l:=range e.Lines{ if l.Period=="event"&&l.Amount>0.015&&arrivals(l){fmt.Printf("%8.4f %-28s %-50s %-14s %s\n",l.Amount,l.Name,l.Why,l.Service,l.Part)}}
}
