package composite

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Outputs are attributes that an apply tells, by name with what they are: texts,
// and maps of texts.
func Outputs(texts, maps map[string]string) map[string]schema.Attribute {
	out := map[string]schema.Attribute{}
	for name, description := range texts {
		out[name] = schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	for name, description := range maps {
		out[name] = schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	return out
}
